/**
 * What every arbiter promises, whatever holds its registers: the same tests for each of them.
 *
 * Called by `file_test.ts` and `etcd_test.ts`, which test beside these what only theirs can do.
 */
import assert from "node:assert/strict";
import { PeerError, UnavailableError, UsageError } from "../base/errors.ts";
import type { Arbiter, ClaimResult, Register } from "./arbiter.ts";
import { formatRegister } from "./arbiter.ts";
import { openArbiter } from "./open.ts";

/** A storage of registers that a test has for itself, empty at first. */
export interface Place extends AsyncDisposable {
  /** As the command line names it. */
  readonly spec: string;
  /** Puts a text where the register of a generation is, over whatever is there. */
  plant(machineId: string, generation: number, text: string): Promise<void>;
  /** The names of all that is stored, in their order. */
  stored(): Promise<string[]>;
}

/** A register of machine `m`. */
export function register(
  generation: number,
  nonce: string,
  fields: Partial<Register> = {},
): Register {
  const when = "2026-01-02T03:04:05.678Z";
  const rest = { who: "host", address: "192.0.2.1:7", when, ended: false };
  return { machineId: "m", generation, nonce, ...rest, ...fields };
}

const PROCESSES = 4;
const CLAIMS = 25;

/** Registers the tests. @param kind which arbiter, for their names */
export function testContract(kind: string, begin: () => Promise<Place>): void {
  const test = (name: string, body: (arbiter: Arbiter, place: Place) => Promise<void>) =>
    Deno.test(`${kind}: ${name}`, async () => {
      await using place = await begin();
      using arbiter = openArbiter(place.spec, { create: true });
      await body(arbiter, place);
    });

  test("a claim is won once, lost by everybody else, and can be read", async (arbiter, place) => {
    assert.equal(await arbiter.latest("m"), undefined);
    assert.equal(await arbiter.read("m", 1), undefined);
    const mine = register(1, "mine");
    assert.deepEqual(await arbiter.claim(mine), { kind: "won", register: mine });
    assert.deepEqual(await arbiter.claim(register(1, "other")), { kind: "lost", holder: mine });
    assert.deepEqual(await arbiter.read("m", 1), mine);
    assert.deepEqual(await arbiter.latest("m"), mine);
    assert.equal((await place.stored()).length, 1);
  });

  test("claiming again with the same nonce says the same and changes nothing", async (arbiter) => {
    const mine = register(1, "mine");
    await arbiter.claim(mine);
    const again = { ...mine, when: "2026-02-03T04:05:06.789Z" };
    assert.deepEqual(await arbiter.claim(again), { kind: "won", register: mine });
    await arbiter.claim(register(2, "next"));
    assert.deepEqual(await arbiter.claim(again), { kind: "won", register: mine });
    assert.deepEqual(await arbiter.read("m", 1), mine);
  });

  test("the end of the guest takes the generation that a takeover would need", async (arbiter) => {
    await arbiter.claim(register(1, "primary"));
    const end = register(2, "end", { ended: true });
    assert.equal((await arbiter.claim(end)).kind, "won");
    assert.deepEqual(await arbiter.claim(register(2, "backup")), { kind: "lost", holder: end });
  });

  test(
    `of ${PROCESSES * CLAIMS} claims at once in ${PROCESSES} processes exactly one wins`,
    async (arbiter, place) => {
      const results = await claimAtOnce(place.spec);
      assert.equal(results.length, PROCESSES * CLAIMS);
      const winners = results.filter((result) => result.kind === "won");
      assert.equal(winners.length, 1, JSON.stringify(results));
      for (const result of results) {
        if (result.kind === "lost") assert.equal(result.holder.nonce, winners[0]!.register.nonce);
        else assert.equal(result.kind, "won", JSON.stringify(result));
      }
      assert.equal((await arbiter.read("m", 1))!.nonce, winners[0]!.register.nonce);
      assert.equal((await place.stored()).length, 1);
    },
  );

  test("a place without the generation before is not the arbiter", async (arbiter, place) => {
    const result = await arbiter.claim(register(2, "mine"));
    assert.ok(result.kind === "unreachable" && /is not there, so this is not the/.test(result.why));
    assert.deepEqual(await place.stored(), []);
    await arbiter.claim(register(1, "first"));
    assert.equal((await arbiter.claim(register(2, "mine"))).kind, "won");
    assert.equal((await arbiter.claim(register(4, "far"))).kind, "unreachable");
  });

  test("a probe knows the machine, and changes nothing", async (arbiter, place) => {
    await assert.rejects(
      arbiter.probe("m"),
      (error) => error instanceof UnavailableError && /knows no machine m/.test(error.message),
    );
    for (const generation of [1, 2]) {
      const mine = register(generation, "mine");
      await arbiter.claim(mine);
      await arbiter.probe("m");
      assert.deepEqual(await arbiter.latest("m"), mine);
      assert.equal((await place.stored()).length, generation);
    }
  });

  test("a malformed register is named, and nobody wins it", async (arbiter, { plant }) => {
    for (const [text, message] of malformedRegisters()) {
      await plant("m", 1, text);
      const expected = (error: Error) =>
        error instanceof PeerError && /m.0*1\b/.test(error.message) && message.test(error.message);
      await assert.rejects(arbiter.read("m", 1), expected);
      await assert.rejects(arbiter.latest("m"), expected);
      await assert.rejects(arbiter.claim(register(1, "x")), expected);
      await assert.rejects(arbiter.probe("m"), expected);
    }
  });

  test(
    "the latest register is found over gaps and among other machines'",
    async (arbiter, { plant }) => {
      const highest = Number.MAX_SAFE_INTEGER;
      for (const generation of [1, 3, 10]) {
        await plant("m", generation, formatRegister(register(generation, "x")));
      }
      for (
        const [machineId, generation] of [["m.1", 11], ["m-", 12], ["m0", 13], ["l", 14]] as const
      ) {
        await plant(
          machineId,
          generation,
          formatRegister(register(generation, "x", { machineId })),
        );
      }
      assert.equal((await arbiter.latest("m"))?.generation, 10);
      assert.equal((await arbiter.latest("m.1"))?.generation, 11);
      assert.equal(await arbiter.latest("other"), undefined);
      await plant("m", highest, formatRegister(register(highest, "x")));
      assert.equal((await arbiter.latest("m"))?.generation, highest);
    },
  );

  test(
    "a machine id that could leave its place, and a register too long, are refused",
    async (arbiter, place) => {
      for (const machineId of ["", "a/b", "a b", "\n", "x".repeat(65)]) {
        await assert.rejects(arbiter.claim(register(1, "x", { machineId })), UsageError);
        await assert.rejects(arbiter.read(machineId, 1), UsageError);
        await assert.rejects(arbiter.latest(machineId), UsageError);
        await assert.rejects(arbiter.probe(machineId), UsageError);
      }
      await assert.rejects(arbiter.claim(register(1, "x", { who: "x".repeat(301) })), UsageError);
      assert.deepEqual(await place.stored(), []);
    },
  );
}

/** Texts that are no register of machine `m`, generation 1, each with what the message has to say. */
function malformedRegisters(): [string, RegExp][] {
  const good = formatRegister(register(1, "x"));
  return [
    ["", /not a JSON object/],
    [good.slice(0, -3), /not a JSON object/],
    ["[]", /not a JSON object/],
    [good.replace("understudy", "some"), /format is/],
    [good.replace('"version": 1', '"version": 2'), /version is 2, expected 1/],
    [good.replace('"generation": 1', '"generation": 0'), /generation is 0/],
    [good.replace('"generation": 1', '"generation": 3'), /generation 3; was it renamed/],
    [good.replace('"machineId": "m"', '"machineId": "n"'), /machine n, .* was it renamed/],
    [good.replace('"nonce": "x"', '"nonce": ""'), /nonce is ""/],
    [good.replace('"ended": false', '"ended": 0'), /ended is 0/],
    [good.replace('"who"', '"whom"'), /who is missing/],
    [good + " ".repeat(5000), /longer than/],
  ];
}

/** What claims of generation 1 come to that are made at once, in processes of their own. */
async function claimAtOnce(spec: string): Promise<ClaimResult[]> {
  const program = `
    import { openArbiter } from ${JSON.stringify(import.meta.resolve("./open.ts"))};
    const [spec, who] = Deno.args;
    const arbiter = openArbiter(spec);
    console.log("ready");
    await Deno.stdin.read(new Uint8Array(1));
    const claim = async (nonce) => {
      const register = { machineId: "m", generation: 1, nonce, who, address: ":1",
        when: "2026-01-02T03:04:05Z", ended: false };
      for (;;) {
        const result = await arbiter.claim(register);
        // A busy host may be slower than a claim waits.
        if (result.kind !== "unreachable") return result;
      }
    };
    const results = await Promise.all(Array.from({ length: ${CLAIMS} }, (_, i) => claim(who + "." + i)));
    console.log(JSON.stringify(results));`;
  const script = await Deno.makeTempFile({ prefix: "understudy-claim-", suffix: ".ts" });
  try {
    await Deno.writeTextFile(script, program);
    const config = new URL("../deno.json", import.meta.url).pathname;
    const children = Array.from({ length: PROCESSES }, (_, i) =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "-A", "--config", config, script, spec, `p${i}`],
        stdin: "piped",
        stdout: "piped",
      }).spawn());
    const outputs = children.map((child) =>
      child.stdout.pipeThrough(new TextDecoderStream()).getReader()
    );
    await Promise.all(outputs.map((output) => output.read()));
    const texts = await Promise.all(children.map(async (child, i) => {
      const stdin = child.stdin.getWriter();
      await stdin.write(new Uint8Array(1));
      await stdin.close();
      let text = "";
      for (let part; !(part = await outputs[i]!.read()).done;) text += part.value;
      assert.equal((await child.status).code, 0);
      return text;
    }));
    return texts.flatMap((text) => JSON.parse(text) as ClaimResult[]);
  } finally {
    await Deno.remove(script);
  }
}
