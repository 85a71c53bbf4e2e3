/**
 * State transfer: a machine's whole state as sections of `state` events, and back.
 *
 * ```
 * PAGES section     u32 count │ count × u32 page number │ count × 4096 bytes
 * OUTPUTS section   f64 offset │ bytes of the console's stream that are not done
 * MACHINE section   u32 memory size in pages │ u8 halted │ f64 point │ u64 exits │ u64 outputs
 *                   │ f64 epoch in ms since 1970 │ u32 kind of host │ u32 length, vCPU
 *                   │ u32 length, board
 * ```
 *
 * Any number of PAGES sections come first, then of OUTPUTS, in order; the MACHINE section is the last and makes the
 * state valid. Pages that are not sent are those that the other side has: of a machine that has not run, zeros.
 */
import { PeerError } from "../base/errors.ts";
import { keptOutputBytes } from "../base/limits.ts";
import type { Machine } from "./machine.ts";
import { PAGE_BYTES } from "./memory_map.ts";
import type { PageHashes } from "./page_hashes.ts";
import { applyVcpu, captureVcpu, VCPU_STATE_BYTES } from "./vcpu_state.ts";

/** Section numbers of a `state` event. */
export const StateSection = { pages: 0, machine: 1, outputs: 2 } as const;

/** Pages in one section: with their numbers they stay below the codec's limit for a state event. */
const PAGES_PER_SECTION = 60;
/** Bytes of output in one section. */
const OUTPUT_BYTES_PER_SECTION = 64 << 10;
/** Of the MACHINE section before the vCPU's length. */
export const MACHINE_HEAD_BYTES = 4 + 1 + 8 + 8 + 8 + 8 + 4;

/** One section. */
export interface Section {
  readonly section: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * The whole state, section by section. No instruction may be pending.
 * @param known the pages that the other side has; undefined: its memory is all zero
 */
export function* captureState(machine: Machine, known?: PageHashes): Generator<Section> {
  let batch: number[] = [];
  const words = new BigUint64Array(
    machine.memory.bytes.buffer,
    machine.memory.bytes.byteOffset,
    machine.memory.bytes.length / 8,
  );
  if (known !== undefined) machine.updateMemoryDigest();
  for (let page = 0; page < machine.memory.pages; page++) {
    if (known?.has(machine.memoryDigest, page) ?? isZero(words, page)) continue;
    batch.push(page);
    if (batch.length === PAGES_PER_SECTION) {
      yield pagesSection(machine, batch);
      batch = [];
    }
  }
  if (batch.length > 0) yield pagesSection(machine, batch);
  yield* outputSections(machine);
  yield { section: StateSection.machine, bytes: captureMachine(machine) };
}

/**
 * Applies one section to a machine that has not run.
 * @returns whether the state is complete now
 * @throws PeerError if it is malformed or of another machine
 */
export function applySection(machine: Machine, { section, bytes }: Section): boolean {
  switch (section) {
    case StateSection.pages:
      applyPages(machine, bytes);
      return false;
    case StateSection.outputs:
      applyOutputs(machine, bytes);
      return false;
    case StateSection.machine:
      applyMachine(machine, bytes);
      return true;
    default:
      throw new PeerError(`state section ${section}, expected 0 to 2`);
  }
}

const PAGE_WORDS = PAGE_BYTES / 8;

function isZero(words: BigUint64Array, page: number): boolean {
  const end = (page + 1) * PAGE_WORDS;
  for (let index = page * PAGE_WORDS; index < end; index++) {
    if (words[index] !== 0n) return false;
  }
  return true;
}

function pagesSection(machine: Machine, pages: readonly number[]): Section {
  const head = 4 + 4 * pages.length;
  const bytes = new Uint8Array(head + pages.length * PAGE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, pages.length, true);
  pages.forEach((page, index) => {
    view.setUint32(4 + 4 * index, page, true);
    bytes.set(machine.memory.page(page), head + index * PAGE_BYTES);
  });
  return { section: StateSection.pages, bytes };
}

function applyPages(machine: Machine, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length >= 4 ? view.getUint32(0, true) : 0;
  const head = 4 + 4 * count;
  if (bytes.length < 4 || bytes.length !== head + count * PAGE_BYTES) {
    throw new PeerError(`a section of ${bytes.length} bytes for ${count} pages`);
  }
  for (let index = 0; index < count; index++) {
    const page = view.getUint32(4 + 4 * index, true);
    if (page >= machine.memory.pages) {
      throw new PeerError(`page ${page} of a machine with ${machine.memory.pages}`);
    }
    const at = head + index * PAGE_BYTES;
    machine.memory.write(page * PAGE_BYTES, bytes.subarray(at, at + PAGE_BYTES));
  }
}

function* outputSections({ undone }: Machine): Generator<Section> {
  for (const { offset, bytes } of undone) {
    for (let at = 0; at < bytes.length; at += OUTPUT_BYTES_PER_SECTION) {
      const part = bytes.subarray(at, at + OUTPUT_BYTES_PER_SECTION);
      const section = new Uint8Array(8 + part.length);
      new DataView(section.buffer).setFloat64(0, offset + at, true);
      section.set(part, 8);
      yield { section: StateSection.outputs, bytes: section };
    }
  }
}

function applyOutputs({ undone }: Machine, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offset = bytes.length > 8 ? view.getFloat64(0, true) : NaN;
  const expected = undone.end ?? offset;
  const end = offset + bytes.length - 8;
  if (offset !== expected || !Number.isSafeInteger(end) || offset < 0) {
    throw new PeerError(`outputs from ${offset} to ${end}, expected from ${expected} on`);
  }
  const [first] = undone;
  if (end - (first?.offset ?? offset) > keptOutputBytes) {
    throw new PeerError(`more than ${keptOutputBytes} bytes of output that are not done`);
  }
  undone.add(offset, bytes.slice(8));
}

function captureMachine(machine: Machine): Uint8Array<ArrayBuffer> {
  const vcpu = captureVcpu(machine.vcpu);
  const board = machine.board.encode();
  const bytes = new Uint8Array(MACHINE_HEAD_BYTES + 4 + vcpu.length + 4 + board.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, machine.memory.pages, true);
  view.setUint8(4, machine.halted ? 1 : 0);
  view.setFloat64(5, machine.point, true);
  view.setBigUint64(13, machine.exits.value, true);
  view.setBigUint64(21, machine.outputs.value, true);
  view.setFloat64(29, machine.epochMs, true);
  view.setUint32(37, machine.hostKind, true);
  let at = MACHINE_HEAD_BYTES;
  for (const part of [vcpu, board]) {
    view.setUint32(at, part.length, true);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return bytes;
}

function applyMachine(machine: Machine, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const vcpuAt = MACHINE_HEAD_BYTES + 4;
  const boardAt = vcpuAt + VCPU_STATE_BYTES + 4;
  if (
    bytes.length < boardAt || view.getUint32(vcpuAt - 4, true) !== VCPU_STATE_BYTES ||
    view.getUint32(boardAt - 4, true) !== bytes.length - boardAt
  ) {
    throw new PeerError(`a machine section of ${bytes.length} bytes whose lengths do not add up`);
  }
  const pages = view.getUint32(0, true);
  const halted = view.getUint8(4);
  const point = view.getFloat64(5, true);
  const epochMs = view.getFloat64(29, true);
  if (pages !== machine.memory.pages) {
    throw new PeerError(
      `the state of a machine with ${pages} pages, expected ${machine.memory.pages}`,
    );
  }
  const isSane = halted <= 1 && Number.isSafeInteger(point) && point >= 0 &&
    Number.isSafeInteger(epochMs) && epochMs >= 0;
  if (!isSane) {
    throw new PeerError(
      `a machine section with halted ${halted}, point ${point}, epoch ${epochMs}`,
    );
  }
  machine.board.restore(bytes.slice(boardAt));
  const { txTotal } = machine.board.console;
  if ((machine.undone.end ?? txTotal) !== txTotal) {
    throw new PeerError(`outputs up to ${machine.undone.end}, expected up to ${txTotal}`);
  }
  applyVcpu(machine.vcpu, bytes.slice(vcpuAt, vcpuAt + VCPU_STATE_BYTES));
  machine.refreshReadiness();
  machine.halted = halted === 1;
  machine.point = point;
  machine.epochMs = epochMs;
  machine.stateKind = view.getUint32(37, true);
  machine.exits.value = view.getBigUint64(13, true);
  machine.outputs.value = view.getBigUint64(21, true);
}
