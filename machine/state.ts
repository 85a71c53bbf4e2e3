/**
 * State transfer: a machine's whole state as sections of `state` events, and back.
 *
 * ```
 * PAGES section     a page batch of the codec (codec/src/page.rs): at most 256 pages, and 256 KiB
 * OUTPUTS section   an output (codec/state_output.ts)
 * MACHINE section   u32 memory size in pages │ u8 halted │ f64 point │ u64 exits │ u64 outputs
 *                   │ f64 epoch in ms since 1970 │ u32 kind of host │ u32 length, vCPU
 *                   │ u32 length, board
 * OUTPUTS section   see protocol/staged_state.ts
 * ```
 *
 * Any number of PAGES sections come first, then of OUTPUTS, in order; the MACHINE section is the last and makes the
 * state valid. In the state that a log begins with, pages that are not sent are those that the other side has (of a
 * machine that has not run: zeros), and outputs are those that are not done. A state in the middle of a log
 * (primary/state_logger.ts) has the pages that have changed, and what was put out meanwhile.
 */
import { assert } from "../base/assert.ts";
import { PeerError } from "../base/errors.ts";
import { keptOutputBytes } from "../base/limits.ts";
import { decodePages, PageEncoder } from "../codec/pages.ts";
import { decodeStateOutput, encodeStateOutput } from "../codec/state_output.ts";
import { outputTotals, Sink } from "./control.ts";
import { undoHiddenTrap } from "./hidden_trap.ts";
import type { Machine } from "./machine.ts";
import { PAGE_BYTES } from "./memory_map.ts";
import type { GuestMemory } from "./guest_memory.ts";
import { applyVcpu, captureVcpu, VCPU_STATE_BYTES } from "./vcpu_state.ts";

/** Section numbers of a `state` event. */
export const StateSection = { pages: 0, machine: 1, outputs: 2 } as const;

/** Bytes of the console's output in one section. */
const OUTPUT_BYTES_PER_SECTION = 64 << 10;
const SINKS: readonly number[] = Object.values(Sink);
/** Of the MACHINE section before the vCPU's length. */
export const MACHINE_HEAD_BYTES = 4 + 1 + 8 + 8 + 8 + 8 + 4;

/** One section. */
export interface Section {
  readonly section: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The whole state, section by section. No instruction may be pending. */
export function* captureState(machine: Machine): Generator<Section> {
  const { memory } = machine;
  const pages = new Uint32Array(memory.pages);
  let count = 0;
  for (let page = 0; page < memory.pages; page++) {
    if (!memory.isZero(page)) pages[count++] = page;
  }
  yield* capturePages(memory, pages.subarray(0, count));
  yield* captureOutputs(machine);
  yield captureRest(machine);
}

/** The outputs that are not done. */
export function* captureOutputs({ undone }: Machine): Generator<Section> {
  for (const { sink, offset, bytes } of undone) {
    // Nobody parts network frames, and the largest output of the network fits into a section.
    const partBytes = sink === Sink.net ? bytes.length : OUTPUT_BYTES_PER_SECTION;
    for (let at = 0; at < bytes.length; at += partBytes) {
      const output = { sink, offset: offset + at, bytes: bytes.subarray(at, at + partBytes) };
      yield { section: StateSection.outputs, bytes: encodeStateOutput(output) };
    }
  }
}

/** The last section, which makes the state valid. No instruction may be pending. */
export function captureRest(machine: Machine): Section {
  undoHiddenTrap(machine);
  return { section: StateSection.machine, bytes: captureMachine(machine) };
}

/**
 * Pages as sections.
 * @param pages their numbers, ascending
 * @param base all of memory as it is where the sections will be applied: pages then go as what changed, or not at
 *   all. None: they go by themselves
 */
export function* capturePages(
  memory: GuestMemory,
  pages: ArrayLike<number>,
  base?: Uint8Array,
): Generator<Section> {
  using encoder = new PageEncoder();
  for (let at = 0; at < pages.length;) {
    at += encoder.add(memory.bytes, pages, at, base);
    if (encoder.count > 0) yield { section: StateSection.pages, bytes: encoder.take() };
  }
}

/** Pages in one section, so that any will fit: as they are, with what heads them, they stay below 256 KiB. */
export const PAGES_PER_SECTION = 60;

/**
 * A section with some pages.
 * @param memory where they are
 * @param pages their numbers, ascending, at most {@link PAGES_PER_SECTION}
 * @param places where each is in `memory`, if that is not all of the guest's: in pages
 */
export function pagesSection(
  encoder: PageEncoder,
  memory: Uint8Array,
  pages: readonly number[],
  places: readonly number[] = pages,
): Section {
  const count = encoder.add(memory, pages, 0, undefined, places);
  assert(count === pages.length, `${count} of ${pages.length} pages fit into a section`);
  return { section: StateSection.pages, bytes: encoder.take() };
}

/**
 * Applies one section to a machine that has not run, or whose memory is, but for the pages that come, the other's.
 * @returns whether the state is complete now
 * @throws PeerError if it is malformed or of another machine
 */
export function applySection(machine: Machine, { section, bytes }: Section): boolean {
  switch (section) {
    case StateSection.pages:
      applyPages(machine.memory, bytes);
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

/** Pages that go as changes are none of a state that is whole: there is no base for them. */
function applyPages(memory: GuestMemory, bytes: Uint8Array): void {
  decodePages(bytes, memory.pages, (page, bytes) => memory.write(page * PAGE_BYTES, bytes));
}

/** Outputs that are not done follow one on the other, and there can't be more than are kept. */
function applyOutputs({ undone }: Machine, section: Uint8Array): void {
  const output = decodeStateOutput(section);
  const { sink, offset, bytes } = output;
  if (!SINKS.includes(sink)) {
    throw new PeerError(`output of sink ${sink}, expected one of ${SINKS}`);
  }
  const expected = undone.end(sink) ?? offset;
  if (offset !== expected) {
    throw new PeerError(`output that is not done at ${offset}, expected at ${expected}`);
  }
  if (offset + bytes.length - (undone.start(sink) ?? offset) > keptOutputBytes) {
    throw new PeerError(`more than ${keptOutputBytes} bytes of output that are not done`);
  }
  undone.add(output);
}

/** The outputs that came with a whole state are those that the machine put out last. @throws PeerError */
export function checkOutputs({ undone, board }: Machine): void {
  const totals = outputTotals(board);
  for (const sink of SINKS) {
    const end = undone.end(sink);
    if (end === undefined || end === totals[sink]) continue;
    throw new PeerError(
      `outputs of sink ${sink} up to ${end}, expected up to ${totals[sink] ?? 0}`,
    );
  }
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
  applyVcpu(machine.vcpu, bytes.slice(vcpuAt, vcpuAt + VCPU_STATE_BYTES));
  machine.refreshReadiness();
  machine.halted = halted === 1;
  machine.point = point;
  machine.epochMs = epochMs;
  machine.stateKind = view.getUint32(37, true);
  machine.exits.value = view.getBigUint64(13, true);
  machine.outputs.value = view.getBigUint64(21, true);
}
