/**
 * A real etcd on loopback, in a directory of its own, that a test can stop, kill and start again.
 *
 *     await using etcd = await EtcdServer.start();
 *     await etcd.pause();
 *
 * It finds its data again after a kill, at the same address. Leaving the scope kills it and removes the
 * directory. Called by the tests of the etcd arbiter and of what needs one.
 */
import assert from "node:assert/strict";
import { UnavailableError } from "../../base/errors.ts";
import { freePort } from "../../demo/pair_processes.ts";
import type { Identity, TestAuthority } from "./certificates.ts";

/** How long one may take until it answers: it starts in half a second. */
const PATIENCE_MS = 20_000;
const POLL_MS = 20;

/** A key of one server, as text. */
export interface StoredKey {
  readonly key: string;
  readonly value: string;
}

/** Whom a server that wants TLS trusts, and what it shows. */
export interface ServerTls {
  /** Of its clients' certificates: it wants one. */
  readonly authority: TestAuthority;
  readonly identity: Identity;
}

/** How servers are started, besides further options of their command line. */
export interface ServerOptions {
  readonly tls?: ServerTls;
}

/** A password that a server can be made to want. */
export const PASSWORD = "se:cret & more";

/** One member. See the top of the file. */
export class EtcdServer implements AsyncDisposable {
  readonly #directory = Deno.makeTempDirSync({ prefix: "understudy-etcd-" });
  readonly #peerPort = freePort();
  readonly #port = freePort();
  #args: readonly string[] = [];
  #child: Deno.ChildProcess | undefined;
  #token: string | undefined;

  private constructor(readonly name: string, private readonly options: ServerOptions) {}

  /**
   * Starts one, and waits until it answers.
   * @param args further options of its command line
   */
  static async start(options: ServerOptions = {}, ...args: string[]): Promise<EtcdServer> {
    const [server] = await EtcdServer.startCluster(1, options, ...args);
    return server!;
  }

  /** Starts the members of a cluster, and waits until they answer. */
  static async startCluster(
    count: number,
    options: ServerOptions = {},
    ...args: string[]
  ): Promise<EtcdServer[]> {
    await using stack = new AsyncDisposableStack();
    const names = Array.from({ length: count }, (_, i) => `member${i}`);
    const servers = names.map((name) => stack.use(new EtcdServer(name, options)));
    const cluster = servers.map((server) => `${server.name}=${server.#peerUrl}`).join(",");
    for (const server of servers) {
      server.#args = ["--initial-cluster", cluster, ...args];
      server.#spawn();
    }
    await Promise.all(servers.map((server) => server.#answering()));
    stack.move();
    return servers;
  }

  /** Where it listens, `HOST:PORT`. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** As `--arbiter` names it. */
  get spec(): string {
    return `etcd:${this.url}`;
  }

  /** As its clients name it. */
  get url(): string {
    return `${this.options.tls === undefined ? "http" : "https"}://${this.address}`;
  }

  /**
   * From now on it wants a password: {@link PASSWORD}, from `root`, who may do everything, and from `understudy`,
   * who may use the keys under `/understudy/`.
   */
  async wantPassword(): Promise<void> {
    for (const name of ["root", "understudy"]) {
      await this.post("auth/user/add", { name, password: PASSWORD });
      await this.post("auth/role/add", { name });
      await this.post("auth/user/grant", { user: name, role: name });
    }
    const range = { key: base64("/understudy/"), range_end: base64("/understudy0") };
    const perm = { permType: "READWRITE", ...range };
    await this.post("auth/role/grant", { name: "understudy", perm });
    await this.post("auth/enable", {});
  }

  /** Lets its own requests through, once it wants a password. */
  async logIn(): Promise<void> {
    const answer = await this.post("auth/authenticate", { name: "root", password: PASSWORD });
    this.#token = (answer as { token: string }).token;
  }

  /** Stops it where it is: it accepts connections and does not answer. Resolves once none of its threads runs. */
  async pause(): Promise<void> {
    const { pid } = this.#running;
    this.#running.kill("SIGSTOP");
    while (!isStopped(pid)) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  /** Lets it go on. */
  resume(): void {
    this.#running.kill("SIGCONT");
  }

  /** `kill -9`, and waits for its end: connections are refused from now on. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // It has ended already: that is all that was wanted.
      if (!(error instanceof TypeError)) throw error;
    }
    await child.status;
  }

  /** Starts it again, with its data, once it was killed; waits until it answers. @param args as for `start` */
  async restart(...args: string[]): Promise<void> {
    this.#args = [...this.#args, ...args];
    this.#spawn();
    await this.#answering();
  }

  /** Puts a value, over whatever is there. */
  async put(key: string, value: string): Promise<void> {
    await this.post("kv/put", { key: base64(key), value: base64(value) });
  }

  /** All that is stored, in the order of keys. */
  async stored(): Promise<StoredKey[]> {
    const everything = { key: "AA==", range_end: "AA==" };
    const { kvs = [] } = await this.post("kv/range", everything) as { kvs?: StoredKey[] };
    return kvs.map(({ key, value }) => ({ key: atob(key), value: atob(value) }));
  }

  /** Sends any request of the API; returns the answer. Asserts that it is no error. */
  async post(path: string, body: object): Promise<unknown> {
    const response = await this.#request(path, body);
    const answer = await response.json();
    assert.equal(response.status, 200, JSON.stringify(answer));
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.#directory, { recursive: true });
  }

  get #peerUrl(): string {
    return `http://127.0.0.1:${this.#peerPort}`;
  }

  get #running(): Deno.ChildProcess {
    assert.ok(this.#child !== undefined, `etcd ${this.name} does not run`);
    return this.#child;
  }

  #spawn(): void {
    const { url } = this;
    const { tls } = this.options;
    const args = [
      ...["--name", this.name, "--data-dir", `${this.#directory}/data`],
      ...["--listen-client-urls", url, "--advertise-client-urls", url],
      ...["--listen-peer-urls", this.#peerUrl, "--initial-advertise-peer-urls", this.#peerUrl],
      ...["--logger", "zap", "--log-outputs", this.#log],
      // Ten times as fast as it comes: members that talk over loopback elect in no time.
      ...["--heartbeat-interval", "20", "--election-timeout", "200"],
      ...(tls === undefined ? [] : [
        ...["--cert-file", tls.identity.cert, "--key-file", tls.identity.key],
        ...["--trusted-ca-file", tls.authority.cert, "--client-cert-auth"],
      ]),
      ...this.#args,
    ];
    try {
      this.#child = new Deno.Command("etcd", {
        args,
        // Its options can come from the environment, too.
        clearEnv: true,
        env: { PATH: Deno.env.get("PATH") ?? "" },
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      throw new UnavailableError(
        "this test needs etcd, which is not on PATH: apt-get install etcd-server",
      );
    }
  }

  get #log(): string {
    return `${this.#directory}/log`;
  }

  async #answering(): Promise<void> {
    const child = this.#running;
    let exit: Deno.CommandStatus | undefined;
    void child.status.then((status) => exit = status);
    for (const endMs = performance.now() + PATIENCE_MS;;) {
      try {
        const { status } = await this.#request("kv/range", { key: "AA==" });
        // Its gateway may be off, it may want a password: that is an answer too.
        if (status < 500) return;
        throw new Error(`HTTP ${status}`);
      } catch (cause) {
        if (exit !== undefined || performance.now() > endMs) {
          const log = await Deno.readTextFile(this.#log).catch(() => "no log");
          const how = exit === undefined ? "does not answer" : `ended with ${exit.code}`;
          throw new UnavailableError(`etcd ${this.name} ${how}:\n${log.slice(-4000)}`, { cause });
        }
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async #request(path: string, body: object): Promise<Response> {
    const { tls } = this.options;
    using client = Deno.createHttpClient({
      poolMaxIdlePerHost: 0,
      ...(tls === undefined ? {} : tls.authority.credentials(tls.identity)),
    });
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const headers = this.#token === undefined ? {} : { authorization: this.#token };
    const options = { method: "POST", body: JSON.stringify(body), client, signal, headers };
    const response = await fetch(`${this.url}/v3/${path}`, options);
    return new Response(await response.bytes(), { status: response.status });
  }
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

/** Whether all threads of a process are stopped: proc(5), `/proc/pid/stat`, the state behind the name. */
function isStopped(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  return [...Deno.readDirSync(tasks)].every(({ name }) =>
    /^\d+ \(.*\) T /s.test(Deno.readTextFileSync(`${tasks}/${name}/stat`))
  );
}
