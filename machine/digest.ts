/**
 * The digest of a whole machine, and the comparison that finds and names a divergence.
 *
 * Registers and device fields are logged by value (a few hundred bytes), memory by its sums, so that
 * a replay that differs can say in which register, field or page, what was recorded and what it has.
 */
import { type Difference, DivergenceError, PeerError } from "../base/errors.ts";
import type { DirtyListener, FirstTake } from "./dirty_set.ts";
import { decodeValues, differingFields, encodeFields, type StateField } from "./fields.ts";
import { forEachPage } from "./guest_memory.ts";
import type { Machine } from "./machine.ts";
import { differingPage, MemoryDigest, type MemorySums } from "./memory_digest.ts";
import type { PageHashes } from "./page_hashes.ts";
import { vcpuFields } from "./vcpu_state.ts";

/**
 * Whether this field is the same on every kind of host: the general registers and all that our own code keeps. Not
 * so flags (some are undefined after some instructions), what the x87 says of its last operation, segments
 * (a host that interprets ring 0 runs ring 3 under its own), and memory, to which interrupts push those.
 */
export function isPortable(name: string): boolean {
  if (name.startsWith("regs.")) return name !== "regs.rflags";
  return !/^(sregs|msr|fpu|debug|events|memory)\./.test(name);
}

const MEMORY_FIELDS = ["low", "high", "weightedLow", "weightedHigh"] as const;

/** Pages that are looked at in one go, and how many of them are hashed: a zero page takes a tenth of the time. */
const LOOK_AHEAD_PAGES = 40;
const LOOK_AHEAD_HASHES = 4;

/**
 * Takes digests of one machine. No instruction may be pending when it is asked to. It listens to the dirty set
 * until it is disposed of.
 */
export class Digester implements Disposable {
  readonly #bitmap: Uint8Array<ArrayBuffer>;
  readonly #memory: MemoryDigest;
  readonly #dirty: DirtyListener;
  /** Pages from this one on have not been seen by any digest. */
  #unseen = 0;

  /**
   * @param firstTake `nothing` if memory is all zero now, and the first digest is to cost what will have been
   *   written by then; else `everything`, and the first digest reads all of memory
   */
  constructor(private readonly machine: Machine, firstTake: FirstTake) {
    this.#bitmap = new Uint8Array(machine.memory.pages / 8);
    this.#memory = new MemoryDigest(machine.memory.bytes);
    this.#dirty = machine.dirty.listen("memory digest", "nothing");
    if (firstTake === "nothing") this.#unseen = machine.memory.pages;
  }

  /** The digest now, as it is logged. */
  take(): Uint8Array<ArrayBuffer> {
    return encodeFields([...this.#fields(), ...memoryFields(this.#memorySums())]);
  }

  /**
   * Compares the machine with a digest that was recorded at this point: only the portable fields if that was on
   * another kind of host.
   * @throws DivergenceError naming the first difference and listing all, PeerError if it is no digest of such a machine
   */
  compare(recorded: Uint8Array): void {
    const { machine } = this;
    const fields = this.#fields();
    const values = decodeValues(recorded);
    const expected = fields.length + MEMORY_FIELDS.length;
    if (values.length !== expected) {
      throw new PeerError(`a digest of ${values.length} fields, expected ${expected}`);
    }
    const differences = differingFields(
      values,
      fields,
      machine.isOtherKind ? isPortable : undefined,
    );
    if (!machine.isOtherKind) {
      const memory = this.#memoryDifference(values.slice(fields.length).map(Number));
      if (memory !== undefined) differences.push(memory);
    }
    const [first] = differences;
    if (first === undefined) return;
    const { name, recorded: theirs, replayed: mine } = first;
    throw new DivergenceError(machine.point, name, theirs, mine, differences);
  }

  /**
   * Looks at some of the pages that no digest has seen, which takes some ten microseconds: if it is called often
   * before the first digest, that one does not have to look at all of memory at once.
   */
  lookAhead(): void {
    const { memory } = this.machine;
    const end = Math.min(memory.pages, this.#unseen + LOOK_AHEAD_PAGES);
    for (let hashed = 0; this.#unseen < end && hashed < LOOK_AHEAD_HASHES; this.#unseen++) {
      if (memory.isZero(this.#unseen)) continue;
      this.#memory.update(this.#unseen);
      hashed++;
    }
  }

  /** The hashes of all pages of memory as it is now: two u32 each. */
  hashes(): Uint8Array<ArrayBuffer> {
    this.#updateMemory();
    return this.#memory.hashes();
  }

  /**
   * Pages that may be others than another machine's: all but those that are known to be the same.
   * @param into overwritten: one bit a page, the lowest first
   */
  differing(other: PageHashes, into: Uint8Array): void {
    this.#dirty.take(this.#bitmap);
    forEachPage(this.#bitmap, (page) => this.#memory.update(page));
    into.fill(0xff);
    for (let page = 0; page < this.#unseen; page++) {
      if (this.#memory.isSame(page, other)) into[page >>> 3]! &= ~(1 << (page & 7));
    }
  }

  /** Listens no more. */
  [Symbol.dispose](): void {
    this.#dirty[Symbol.dispose]();
  }

  #fields(): StateField[] {
    const { machine } = this;
    return [
      { name: "halted", value: machine.halted ? 1n : 0n },
      ...vcpuFields(machine.vcpu),
      ...machine.board.fields(),
    ];
  }

  #updateMemory(): void {
    for (const { pages } = this.machine.memory; this.#unseen < pages; this.#unseen++) {
      this.#memory.update(this.#unseen);
    }
    this.#dirty.take(this.#bitmap);
    forEachPage(this.#bitmap, (page) => this.#memory.update(page));
  }

  #memorySums(): MemorySums {
    this.#updateMemory();
    return this.#memory.sums;
  }

  #memoryDifference(recorded: readonly number[]): Difference | undefined {
    const mine = this.#memorySums();
    const [low, high, weightedLow, weightedHigh] = recorded as [number, number, number, number];
    const theirs = { low, high, weightedLow, weightedHigh };
    if (MEMORY_FIELDS.every((name) => mine[name] === theirs[name])) return undefined;
    const page = differingPage(mine, theirs, this.machine.memory.pages);
    const name = page === undefined
      ? "memory, several pages"
      : `memory page 0x${page.toString(16)}`;
    return { name, recorded: show(theirs), replayed: show(mine) };
  }
}

function memoryFields(sums: MemorySums): StateField[] {
  return MEMORY_FIELDS.map((name) => ({ name: `memory.${name}`, value: BigInt(sums[name]) }));
}

function show({ low, high }: MemorySums): string {
  return `sum ${high.toString(16).padStart(8, "0")}${low.toString(16).padStart(8, "0")}`;
}
