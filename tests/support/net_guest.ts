/**
 * A guest of some hundred bytes that drives the network card: sends every frame back as it came, and a newline to the
 * console for each; a frame whose byte behind the header is 0xff ends it.
 *
 * It halts between frames, and IRQ 5 wakes it; it has four buffers to receive into. In ring 0, without paging or
 * features of queues. Made by hand, so that nothing of a driver's own is in the way.
 */
import type { Image } from "../../machine/elf.ts";
import { HIGH_MEMORY_START } from "../../machine/memory_map.ts";

/** How many buffers it has to receive into. */
export const RX_BUFFERS = 4;

const CARD = 0xd000_0000;
const GDT = 0x30_0000;
const IDT = 0x30_1000;
const STACK = 0x30_3000;
const RX = { descriptors: 0x31_0000, driver: 0x31_0100, device: 0x31_0200 };
const TX = { descriptors: 0x31_1000, driver: 0x31_1100, device: 0x31_1200 };
/** Of 2 KiB each. */
const BUFFERS = 0x32_0000;
const HEADER_BYTES = 12;
const VECTOR = 0x25;

/** Code in 32-bit protected mode, and its labels. */
class Assembler {
  readonly bytes: number[] = [];
  readonly #labels = new Map<string, number>();
  readonly #jumps: { at: number; to: string }[] = [];
  readonly #leaps: { at: number; to: string }[] = [];

  label(name: string): this {
    this.#labels.set(name, this.bytes.length);
    return this;
  }

  address(name: string): number {
    return HIGH_MEMORY_START + this.#labels.get(name)!;
  }

  /** Bytes of an instruction, then a word of 32 bits if there is one, and a last byte. */
  op(bytes: readonly number[], word?: number, last?: number): this {
    this.bytes.push(...bytes);
    if (word !== undefined) this.bytes.push(...le32(word));
    if (last !== undefined) this.bytes.push(last);
    return this;
  }

  /** A jump over at most 127 bytes. */
  jump(opcode: number, to: string): this {
    this.bytes.push(opcode, 0);
    this.#jumps.push({ at: this.bytes.length, to });
    return this;
  }

  /** jmp, however far */
  leap(to: string): this {
    this.op([0xe9], 0);
    this.#leaps.push({ at: this.bytes.length, to });
    return this;
  }

  /** mov dword [address], value */
  store(address: number, value: number): this {
    return this.op([0xc7, 0x05, ...le32(address), ...le32(value)]);
  }

  /** mov al, value; out port, al */
  out(port: number, value: number): this {
    return this.op([0xb0, value, 0xe6, port]);
  }

  finish(): Uint8Array {
    for (const { at, to } of this.#jumps) this.bytes[at - 1] = this.#labels.get(to)! - at & 0xff;
    for (const { at, to } of this.#leaps) {
      this.bytes.splice(at - 4, 4, ...le32(this.#labels.get(to)! - at));
    }
    return Uint8Array.from(this.bytes);
  }
}

function le32(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => value >>> shift & 0xff);
}

/** Its image: to be booted. */
export function echoGuest(): Image {
  const code = new Assembler();
  code.leap("start");
  // The interrupt comes nowhere but at HLT, so that nobody need return from it: IRET is not to be had on all hosts.
  code.label("wait").op([0xbc], STACK).op([0xfb, 0xf4]); //  mov esp, STACK; sti; hlt
  code.label("woken").out(0x20, 0x20);
  code.op([0xa1], CARD + 0x060).op([0xa3], CARD + 0x064); //  acknowledges what the status says
  code.label("next");
  code.op([0x0f, 0xb7, 0x05], RX.device + 2); //  movzx eax, word [used idx]
  code.op([0x66, 0x39, 0xf0]).jump(0x74, "wait"); //  cmp ax, si; je
  code.op([0x89, 0xf1, 0x83, 0xe1, RX_BUFFERS - 1]); //  mov ecx, esi; and ecx, 3
  code.op([0x8b, 0x2c, 0xcd], RX.device + 4); //  mov ebp, [head]
  code.op([0x8b, 0x14, 0xcd], RX.device + 8).op([0x46]); //  mov edx, [length]; inc esi
  code.op([0x89, 0xe9, 0xc1, 0xe1, 11]); //    mov ecx, ebp; shl ecx, 11
  code.op([0x81, 0xc1], BUFFERS); //           add ecx, BUFFERS
  code.op([0x89, 0x0d], TX.descriptors).op([0x89, 0x15], TX.descriptors + 8);
  code.op([0x43, 0x66, 0x89, 0x1d], TX.driver + 2); //  inc ebx; mov [available idx], bx
  code.store(CARD + 0x050, 1); //              notifies
  code.op([0x66, 0xba, 0xf8, 0x03, 0xb0, 0x0a, 0xee]); //  mov dx, 0x3f8; mov al, '\n'; out dx, al
  code.op([0x80, 0xb9], HEADER_BYTES + 14, 0xff).jump(0x74, "end"); //  cmp byte [ecx + ...], 0xff; je
  code.op([0x89, 0xf8, 0x83, 0xe0, RX_BUFFERS - 1]); //  mov eax, edi; and eax, 3
  code.op([0x66, 0x89, 0x2c, 0x45], RX.driver + 4); //  mov [ring + 2 eax], bp
  code.op([0x47, 0x66, 0x89, 0x3d], RX.driver + 2); //  inc edi; mov [available idx], di
  code.jump(0xeb, "next");
  code.label("end").out(0xf4, 0).jump(0xeb, "end");
  code.label("start");
  setUpProcessor(code);
  setUpCard(code);
  code.op([0x31, 0xf6]); //                    xor esi, esi: frames received
  code.op([0xbf], RX_BUFFERS); //              mov edi: buffers ever made available to receive into
  code.op([0x31, 0xdb]).leap("wait"); //       xor ebx, ebx: frames sent
  const bytes = code.finish();
  const segment = { address: HIGH_MEMORY_START, bytes, memoryBytes: bytes.length };
  return { entry: HIGH_MEMORY_START, segments: [segment] };
}

/** Segments and a gate for the card's interrupt, which is the only one that is let through. */
function setUpProcessor(code: Assembler): void {
  const handler = code.address("woken");
  code.store(GDT + 8, 0x0000_ffff).store(GDT + 12, 0x00cf_9b00);
  code.store(GDT + 16, 0x0000_ffff).store(GDT + 20, 0x00cf_9300);
  code.store(GDT + 0x100, 0x17 | (GDT & 0xffff) << 16).store(GDT + 0x104, GDT >>> 16);
  code.op([0x0f, 0x01, 0x15], GDT + 0x100); // lgdt
  code.op([0xea], HIGH_MEMORY_START + code.bytes.length + 7).op([0x08, 0x00]); // jmp 8:next
  code.op([0x66, 0xb8, 0x10, 0x00]); // mov ax, 16
  for (const segment of [0xd8, 0xc0, 0xd0]) code.op([0x8e, segment]); // mov ds, es, ss, ax
  const gate = IDT + 8 * VECTOR;
  code.store(gate, handler & 0xffff | 8 << 16).store(gate + 4, handler & 0xffff_0000 | 0x8e00);
  code.store(GDT + 0x108, 0x7ff | (IDT & 0xffff) << 16).store(GDT + 0x10c, IDT >>> 16);
  code.op([0x0f, 0x01, 0x1d], GDT + 0x108); // lidt
  code.out(0x20, 0x11).out(0x21, 0x20).out(0x21, 0x04).out(0x21, 0x01).out(0x21, 0xdf);
}

/** As the specification has it: 3.1.1. */
function setUpCard(code: Assembler): void {
  const card = (register: number, value: number) => code.store(CARD + register, value);
  for (const status of [0, 1, 3]) card(0x070, status);
  card(0x024, 0);
  card(0x020, 1 << 5);
  card(0x024, 1);
  card(0x020, 1);
  card(0x070, 11);
  for (const [index, queue] of [RX, TX].entries()) {
    card(0x030, index);
    card(0x038, RX_BUFFERS);
    card(0x080, queue.descriptors);
    card(0x090, queue.driver);
    card(0x0a0, queue.device);
    card(0x044, 1);
  }
  for (let index = 0; index < RX_BUFFERS; index++) {
    const descriptor = RX.descriptors + 16 * index;
    code.store(descriptor, BUFFERS + 2048 * index).store(descriptor + 8, 2048);
    code.store(descriptor + 12, 2);
  }
  code.store(RX.driver + 4, 0x0001_0000).store(RX.driver + 8, 0x0003_0002);
  code.store(RX.driver, RX_BUFFERS << 16);
  card(0x070, 15);
}
