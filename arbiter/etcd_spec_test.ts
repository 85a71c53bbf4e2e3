import assert from "node:assert/strict";
import { UnavailableError, UsageError } from "../base/errors.ts";
import { EtcdArbiter } from "./etcd.ts";
import { type EtcdSpec, parseEtcdSpec } from "./etcd_spec.ts";
import { openArbiter } from "./open.ts";

const PLAIN = { tls: undefined, user: undefined, prefix: "/understudy" };

function endpoint(host: string, port: number) {
  return { host, port };
}

/** A directory with files that are gone at the end. */
class Files implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "understudy-arbiter-" });
  write(name: string, text: string): string {
    Deno.writeTextFileSync(`${this.path}/${name}`, text);
    return `${this.path}/${name}`;
  }
  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

Deno.test("an etcd is named by the URLs of its members, and its keys' prefix may be", () => {
  using arbiter = openArbiter("etcd:http://10.0.0.3:2379", { create: true });
  assert.ok(arbiter instanceof EtcdArbiter);
  const tls = { cacert: undefined, own: undefined };
  const specs: [string, Partial<EtcdSpec>][] = [
    ["etcd:http://10.0.0.3:2379", { endpoints: [endpoint("10.0.0.3", 2379)] }],
    ["etcd:http://etcd-1.lan:80/", { endpoints: [endpoint("etcd-1.lan", 80)] }],
    [
      "etcd:http://[::1]:2379/?prefix=/a/b.c",
      { endpoints: [endpoint("::1", 2379)], prefix: "/a/b.c" },
    ],
    ["etcd:https://a:1", { endpoints: [endpoint("a", 1)], tls }],
    [
      "etcd:https://a:1,https://b:1/,https://a:2?prefix=x",
      { endpoints: [endpoint("a", 1), endpoint("b", 1), endpoint("a", 2)], tls, prefix: "x" },
    ],
  ];
  for (const [text, fields] of specs) {
    assert.deepEqual(parseEtcdSpec(text, undefined), { ...PLAIN, text, ...fields });
  }
  assert.equal(parseEtcdSpec("etcd:http://localhost:1?prefix=site%2Fa").prefix, "site/a");
});

Deno.test("files and a user are options, and no message shows what they say", () => {
  const spec = parseEtcdSpec(
    "etcd:https://a:1?user=me:se:cret&cacert=/ca&key=/k&cert=%2Fc&prefix=p",
  );
  assert.deepEqual(spec, {
    endpoints: [endpoint("a", 1)],
    tls: { cacert: "/ca", own: { cert: "/c", key: "/k" } },
    user: { name: "me", password: "se:cret" },
    prefix: "p",
    text: "etcd:https://a:1?prefix=p",
  });
});

Deno.test("a password comes from the command line, from a file, or from the environment", () => {
  using files = new Files();
  const file = files.write("password", "from file\n");
  const cases: [string, string | undefined, string][] = [
    ["user=me:inline", "of environment", "inline"],
    [`user=me&passwordfile=${file}`, "of environment", "from file"],
    ["user=me", "of environment", "of environment"],
    ["user=me:a%26b%20c", undefined, "a&b c"],
  ];
  for (const [query, environment, password] of cases) {
    const { user } = parseEtcdSpec(`etcd:http://a:1?${query}`, environment);
    assert.deepEqual(user, { name: "me", password });
  }
  assert.equal(parseEtcdSpec("etcd:http://a:1", "of environment").user, undefined);
});

Deno.test("a URL that is not an etcd's, or asks for what makes no sense, is refused with what is expected", () => {
  using files = new Files();
  const empty = files.write("empty", "\n");
  const many = Array.from({ length: 6 }, (_, i) => `http://h:${i + 1}`).join(",");
  const cases: [string, RegExp][] = [
    ["etcd:10.0.0.3:2379", /not a URL/],
    ["etcd:localhost", /not a URL/],
    ["etcd:http://h:1/#x", /not a URL/],
    ["etcd:http://a:1,b:1", /"b:1" is not a URL/],
    ["etcd:http://a:1,", /"" is not a URL/],
    ["etcd:unix://h:1", /unix is not supported/],
    ["etcd:http://user:secret@h:2379", /a user is given with \?user=NAME/],
    ["etcd:http://a:1,https://b:1", /http and https do not mix/],
    ["etcd:http://a:1,http://A:1/", /an endpoint is named twice/],
    [`etcd:${many}`, /6 endpoints, at most 5 are asked/],
    ["etcd:http://h:1/v3", /a path \(\/v3\) says nothing here/],
    ["etcd:http://h", /"h" is not HOST:PORT/],
    ["etcd:http://:2379", /":2379" is not HOST:PORT/],
    ["etcd:http://h:0", /"h:0" is not HOST:PORT/],
    ["etcd:https://h:65536", /"h:65536" is not HOST:PORT/],
    ["etcd:http://h:2e3", /"h:2e3" is not HOST:PORT/],
    ["etcd:http://[::1:1", /is not HOST:PORT/],
    ["etcd:http://[1.2:3]:1", /is not HOST:PORT/],
    ["etcd:http://h h:1", /is not HOST:PORT/],
    ["etcd:http://h:1?capath=x", /capath= is not known/],
    ["etcd:http://h:1?prefix=a&prefix=b", /more than one prefix/],
    ["etcd:http://h:1?prefix=", /a prefix is 1 to 200 of/],
    ["etcd:http://h:1?prefix=a/", /no slash at its end/],
    ["etcd:http://h:1?prefix=a%20b", /a prefix is 1 to 200 of/],
    [`etcd:http://h:1?prefix=${"x".repeat(201)}`, /a prefix is 1 to 200 of/],
    ["etcd:http://h:1?cacert=x", /cacert= is for https:\/\/, and this is http/],
    ["etcd:http://h:1?cert=x&key=y", /cert= is for https/],
    ["etcd:https://h:1?cert=x", /cert= and key= come together/],
    ["etcd:https://h:1?key=x", /cert= and key= come together/],
    ["etcd:https://h:1?cacert=", /cacert= is empty/],
    ["etcd:http://h:1?user=", /user= is empty/],
    ["etcd:http://h:1?user=:secret", /user= has no name/],
    ["etcd:http://h:1?user=me", /no password for me: give passwordfile=FILE or set UNDERSTUDY_/],
    [`etcd:http://h:1?user=me&passwordfile=${empty}`, /no password for me/],
    [`etcd:http://h:1?user=me:secret&passwordfile=${empty}`, /and another one by passwordfile/],
    ["etcd:http://h:1?passwordfile=/x", /passwordfile= without user=/],
    [`etcd:http://h:1?user=me:${"secret".repeat(999)}`, /longer than 1024 characters/],
    ["etcd:http://h:1?user=me:secret&user=you", /more than one user/],
    ["etcd:http://h:1?user=me%3Asecret&x=1", /x= is not known/],
  ];
  for (const [spec, message] of cases) {
    assert.throws(
      () => parseEtcdSpec(spec, undefined),
      (error: Error) =>
        error instanceof UsageError && message.test(error.message) &&
        !error.message.includes("secret") &&
        /expected etcd:URL\[,URL...\]\[\?prefix=.*with URLs such as https/.test(error.message),
      spec,
    );
  }
});

Deno.test("a file that is not there, or is not what it has to be, is named before anything is asked", () => {
  using files = new Files();
  const noise = files.write("noise", "hello\n");
  const long = files.write("long", "x".repeat(200_000));
  const head = files.write(
    "head",
    "-----BEGIN CERTIFICATE-----\nhello\n-----END CERTIFICATE-----\n",
  );
  const nothing = `${files.path}/nothing`;
  const cases: [string, RegExp, typeof UsageError | typeof UnavailableError][] = [
    [`cacert=${nothing}`, /can't read cacert=.*nothing: No such file/, UnavailableError],
    [`cacert=${files.path}`, /can't read cacert=/, UnavailableError],
    [`cacert=${noise}`, /cacert=.*noise: not a certificate, expected one in PEM/, UsageError],
    [`cacert=${head}`, /cacert=.*head: not a certificate, expected one in PEM/, UsageError],
    [`cacert=${long}`, /cacert=.*long: longer than 131072 bytes/, UsageError],
    [`cert=${nothing}&key=${noise}`, /can't read cert=.*nothing/, UnavailableError],
    [`cert=${noise}&key=${noise}`, /cert=.*noise: not a certificate/, UsageError],
    [`user=me&passwordfile=${nothing}`, /can't read passwordfile=.*nothing/, UnavailableError],
  ];
  for (const [query, message, kind] of cases) {
    assert.throws(
      () => openArbiter(`etcd:https://a:1?${query}`),
      (error: Error) => error instanceof kind && message.test(error.message),
      query,
    );
  }
});
