import assert from "node:assert/strict";
import fc from "fast-check";
import { PeerError } from "../base/errors.ts";
import {
  clusterOf,
  createRequest,
  lastRequest,
  parseRange,
  parseToken,
  parseTxn,
  readRequest,
} from "./etcd_messages.ts";

/** What etcd 3.4.23 said. */
const HEADER =
  `"header":{"cluster_id":"12101053776118486841","member_id":"15985099378392235387","revision":"3","raft_term":"2"}`;
const KVS =
  `"kvs":[{"key":"L3UvbS8x","create_revision":"2","mod_revision":"2","version":"1","value":"aGVsbG8="}],"count":"1"`;
const FOUND = `{${HEADER},${KVS}}`;
const NOT_FOUND = `{${HEADER}}`;
const CREATED =
  `{${HEADER},"succeeded":true,"responses":[{"response_put":{"header":{"revision":"2"}}}]}`;
const NOT_CREATED =
  `{${HEADER},"responses":[{"response_range":{"header":{"revision":"3"}}},{"response_range":{"header":{"revision":"3"},${KVS}}}]}`;
const ENTRY = { key: "/u/m/1", value: "hello" };

Deno.test("requests have the shapes of etcd's gateway, in base64", () => {
  assert.deepEqual(readRequest("/u/m/1"), { key: "L3UvbS8x" });
  assert.deepEqual(lastRequest("/u/m/1", "/u/m/2"), {
    key: "L3UvbS8x",
    range_end: "L3UvbS8y",
    limit: "1",
    sort_order: "DESCEND",
    sort_target: "KEY",
  });
  const [absent, present] = [["L3UvbS8y", "EQUAL"], ["L3UvbS8x", "GREATER"]].map((
    [key, result],
  ) => ({ key, target: "CREATE", result, create_revision: "0" }));
  assert.deepEqual(createRequest({ key: "/u/m/2", value: "ä" }, ["/u/m/1"]), {
    compare: [absent, present],
    success: [{ request_put: { key: "L3UvbS8y", value: "w6Q=" } }],
    failure: [{ request_range: { key: "L3UvbS8y" } }, { request_range: { key: "L3UvbS8x" } }],
  });
  assert.deepEqual((createRequest(ENTRY, []) as { compare: unknown }).compare, [
    { ...absent, key: "L3UvbS8x" },
  ]);
});

Deno.test("what etcd says is understood, with what it leaves out", () => {
  assert.deepEqual(parseRange(FOUND), ENTRY);
  assert.equal(parseRange(NOT_FOUND), undefined);
  assert.equal(parseRange(`{${HEADER},"kvs":[]}`), undefined);
  assert.deepEqual(parseRange(`{${HEADER},"kvs":[{"key":"L3UvbS8x"}]}`)?.value, "");
  assert.deepEqual(parseTxn(CREATED, 2), { succeeded: true });
  const found = { succeeded: false, found: [undefined, ENTRY] };
  assert.deepEqual(parseTxn(NOT_CREATED, 2), found);
  const spelled = NOT_CREATED.replace('"responses"', '"succeeded":false,"responses"');
  assert.deepEqual(parseTxn(spelled, 2), found);
});

Deno.test("a token is a line of text, and what is none is not shown", () => {
  assert.equal(parseToken(`{${HEADER},"token":"hZKITLszCbjbTGSN.9"}`), "hZKITLszCbjbTGSN.9");
  assert.equal(clusterOf(NOT_FOUND), "12101053776118486841");
  for (const token of ["", "a\\r\\nb", "ä", "x".repeat(5000)]) {
    assert.throws(
      () => parseToken(`{${HEADER},"token":"${token}"}`),
      (error: Error) =>
        error instanceof PeerError && /its token is not a short/.test(error.message),
    );
  }
  assert.throws(() => parseToken(NOT_FOUND), PeerError);
});

Deno.test("an answer that is not etcd's is named with its fault", () => {
  const cases: [string, RegExp][] = [
    ["", /not JSON/],
    ["<html>", /not JSON/],
    [FOUND.slice(0, -5), /not JSON/],
    ["7", /answer is 7/],
    ["null", /answer is null/],
    ["[]", /answer is \[\]/],
    ["{}", /header is missing/],
    ['{"header":7}', /header is 7/],
    [FOUND.replace('"revision":"3"', '"revision":3'), /revision is 3/],
    [FOUND.replace("cluster_id", "cluster"), /cluster_id is missing/],
    [FOUND.replace("12101053776118486841", "x"), /cluster_id is "x"/],
  ];
  const ranges: [string, RegExp][] = [
    [`{${HEADER},"kvs":{}}`, /kvs is \{\}/],
    [`{${HEADER},"kvs":null}`, /kvs is null/],
    [`{${HEADER},"kvs":[7]}`, /entry is 7/],
    [FOUND.replace("]", `,{"key":""}]`), /expected one of kvs is 2/],
    [FOUND.replace('"L3UvbS8x"', "7"), /key is 7/],
    [FOUND.replace("L3UvbS8x", "?"), /key is "\?"/],
    [FOUND.replace("aGVsbG8=", "//79"), /value is "\/\/79"/],
  ];
  const txns: [string, RegExp][] = [
    [NOT_FOUND, /responses is missing/],
    [FOUND, /responses is missing/],
    [CREATED.replace("true", '"true"'), /succeeded is "true"/],
    [CREATED.replace("true", "false"), /expected 2 responses is 1/],
    [CREATED.replace("response_put", "response_range"), /response_put is missing/],
    [CREATED.replace(/"responses".*/, '"responses":[]}'), /expected 1 responses is 0/],
    [NOT_CREATED.replace('"responses"', '"succeeded":true,"responses"'), /1 responses is 2/],
    [NOT_CREATED.replace("response_range", "response_put"), /response_range is missing/],
    [NOT_CREATED.replace(KVS, `"kvs":7`), /kvs is 7/],
    [`{${HEADER},"responses":[null,7]}`, /response is null/],
  ];
  const fails = (read: () => unknown, message: RegExp, text: string) =>
    assert.throws(
      read,
      (error: Error) =>
        error instanceof PeerError && message.test(error.message) &&
        /^its answer is malformed: .*; what answers there is not etcd/.test(error.message),
      text,
    );
  for (const [text, message] of [...cases, ...ranges]) {
    fails(() => parseRange(text), message, text);
  }
  for (const [text, message] of [...cases, ...txns]) {
    fails(() => parseTxn(text, 2), message, text);
  }
});

Deno.test("an answer with damage anywhere is refused or understood, and never breaks the reader", () => {
  const damage = fc.record({
    text: fc.constantFrom(FOUND, NOT_FOUND, CREATED, NOT_CREATED),
    at: fc.nat(),
    length: fc.nat(12),
    instead: fc.oneof(fc.string({ maxLength: 6 }), fc.json(), fc.constant("")),
  });
  fc.assert(
    fc.property(damage, ({ text, at, length, instead }) => {
      const start = at % text.length;
      const damaged = text.slice(0, start) + instead + text.slice(start + length);
      for (const read of [() => parseRange(damaged), () => parseTxn(damaged, 2)]) {
        try {
          read();
        } catch (error) {
          if (!(error instanceof PeerError)) throw error;
        }
      }
    }),
    { numRuns: 5000 },
  );
});
