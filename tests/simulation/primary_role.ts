/**
 * A primary's driver: carries the production protocol's effects out in the simulated world, as
 * primary/primary_side.ts does in the real one.
 */
import type { Message } from "../../protocol/messages.ts";
import type { Output } from "../../protocol/output_gate.ts";
import type { PrimaryEffect, PrimaryInput, PrimaryProtocol } from "../../protocol/primary.ts";
import { MEMORY_PAGES, type SimMachine } from "./machine.ts";
import type { Connection } from "./network.ts";
import type { SimProcess } from "./process.ts";
import type { SimRecorder } from "./recorder.ts";
import { SimTransfer } from "./transfer.ts";

/** See the top of the file. */
export class PrimaryRole {
  readonly protocol: PrimaryProtocol;
  readonly recorder: SimRecorder;
  /** The connection on which `protected` was sent: until it is over, the backup there may claim. */
  guard: Connection | undefined;
  /** The connection of a backup that has diverged, and counted until then. */
  healing: Connection | undefined;
  /** Where the machine stood when it was offered to a backup. */
  offeredPoint: number | undefined;
  /** The execution point of the last output that it let go. */
  performedThrough = -1;
  #isPumping = false;
  #transfer: SimTransfer | undefined;
  /** What the backup that gets the next state has of the memory: two words a page; undefined: zeros. */
  #known: Uint32Array | undefined;
  #sequence = 0;

  constructor(
    readonly process: SimProcess,
    generation: number,
    kept: readonly Output[],
    readonly machine: SimMachine,
  ) {
    const { world } = process;
    this.protocol = new world.code.PrimaryProtocol(world.config.primaryRules, generation, kept);
    this.recorder = new world.code.SimRecorder(process, machine, world.stream(), () => {
      process.onMain(() => this.#pump());
    });
    world.observer.reigns(this);
  }

  tick(): void {
    this.step({ type: "tick" });
  }

  /** A message from a backup. */
  hear(connection: Connection, message: Message): void {
    this.step({ type: "message", connection: connection.number, message });
  }

  /** Something happened. */
  step(input: PrimaryInput): void {
    const { process } = this;
    if (process.isGone) return;
    const effects = this.protocol.step(input, process.host.clockMs);
    process.world.observer.primaryDecided(this, input, effects);
    this.#carryOutFrom(effects, 0);
    if (!this.#isPumping) this.#pump();
    this.#transfer?.wake();
  }

  /** What the machine's thread has for main, as fast as the protocol accepts it. */
  #pump(): void {
    const { ring } = this.recorder;
    this.#isPumping = true;
    while (ring.length > 0 && this.protocol.accepting && !this.process.isGone) {
      if (this.process.isStopped) break;
      const record = ring.shift()!;
      if ("answer" in record) this.#transfer?.hear(record.answer);
      else this.step(record);
    }
    this.#isPumping = false;
    if (ring.length === 0) this.recorder.continue();
  }

  #carryOutFrom(effects: readonly PrimaryEffect[], start: number): void {
    const { process } = this;
    for (let at = start; at < effects.length; at++) {
      process.world.faults.strike(process, effects[at]!);
      if (process.isGone) return;
      if (process.isStopped) return process.onContinue(() => this.#carryOutFrom(effects, at));
      this.#carryOut(effects[at]!);
    }
  }

  #carryOut(effect: PrimaryEffect): void {
    const { process } = this;
    const { world } = process;
    switch (effect.type) {
      case "send": {
        const { generation } = this.protocol;
        const frame = world.code.frameOf(effect.message, generation, ++this.#sequence);
        if (world.isVerbose) world.sayMessage(process, effect.message);
        return world.connections[effect.connection]!.toBackup.send(frame);
      }
      case "sendFrame":
        return world.connections[effect.connection]!.toBackup.send(effect.frame.bytes);
      case "close":
        return world.connections[effect.connection]!.close(process);
      case "perform":
        return world.outside.perform(process, effect.output, () => {
          const { sink, offset, bytes } = effect.output;
          this.machine.doneThrough(sink, offset + bytes.length);
          this.step({ type: "performed", sink });
        });
      case "inputCommitted":
        return;
      case "startLog": {
        const { session, generation } = effect;
        const random = world.stream();
        this.#transfer = new SimTransfer(this, { session, generation, known: this.#known }, random);
        this.#known = undefined;
        return;
      }
      case "recall": {
        const { generation } = this.protocol;
        const message = { type: "recorded" as const, point: 0, exit: new Uint8Array(0) };
        const frame = world.code.frameOf(message, generation, ++this.#sequence);
        return world.connections[effect.connection]!.toBackup.send(frame);
      }
      case "pages":
        this.#known ??= new Uint32Array(2 * MEMORY_PAGES);
        return this.#known.set(new Uint32Array(effect.hashes.slice().buffer), 2 * effect.first);
      case "stopLog":
        this.#transfer?.stop();
        this.#known = undefined;
        return this.recorder.command({ type: "stopLog" });
      case "logRules": {
        const { checkpointing } = this.protocol.rules;
        return this.recorder.command({ type: "keepLog", checkpointing });
      }
      case "pause":
      case "resume":
        return this.recorder.command({ type: effect.type });
      case "claim": {
        const { generation, ended } = effect;
        process.say(`claims generation ${generation}${ended ? " for the guest's end" : ""}`);
        return process.claim(generation, ended, (outcome) => {
          this.step({ type: "claimed", generation, outcome });
        });
      }
      case "probeArbiter":
        return process.probe((answer) => this.step({ type: "probed", ...answer }));
      case "report":
        return world.endings.reported(process, effect.text);
      case "halt":
        return process.end(effect);
    }
  }
}
