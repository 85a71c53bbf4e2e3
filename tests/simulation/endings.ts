/**
 * How sides end, and what they complain of: nobody may stop without a reason that is one, and two sides that
 * both keep to the protocol have nothing to complain of. The observer's other half.
 */
import { ExitCode } from "../../base/errors.ts";
import type { Halt } from "../../protocol/types.ts";
import { SINKS } from "./machine.ts";
import { PrimaryRole } from "./primary_role.ts";
import type { SimProcess } from "./process.ts";
import type { World } from "./world.ts";

/** See the top of the file. */
export class Endings {
  /** Sides that halted because they had lost. */
  lost = 0;
  /** Guests whose end was recorded by the side that ran them. */
  ended = 0;

  constructor(private readonly world: World) {}

  /** A process has halted; it must have had a reason that is one. */
  halted(process: SimProcess, { code, why }: Halt): void {
    const generation = this.#generationOf(process);
    const next = this.world.holderOf(generation + 1);
    const hasEnded = next?.ended || this.world.holderOf(generation)?.ended;
    const isReason = {
      [ExitCode.ok]: why.startsWith("left") || why === "stopped"
        ? process.isAskedToLeave
        : why.startsWith("handed over")
        ? next !== undefined && next.who !== process.name
        : hasEnded,
      [ExitCode.lost]: next !== undefined && next.who !== process.name,
      [ExitCode.diverged]: this.world.hasFlips,
      [ExitCode.reigns]: true,
      [ExitCode.unavailable]: true,
    }[code as number] ?? false;
    if (code === ExitCode.lost) this.lost++;
    if (process.role instanceof PrimaryRole && hasEnded) this.#checkEnd(process.role);
    if (!isReason) {
      this.world.fail("no side stops for nothing", `${process.name}, code ${code}: ${why}`);
    }
  }

  /** Who records the guest's end has performed all that it has put out. */
  #checkEnd({ process, protocol, machine }: PrimaryRole): void {
    if (this.world.holderOf(protocol.generation)?.who !== process.name) return;
    if (!this.world.holderOf(protocol.generation)?.ended) return;
    this.ended++;
    for (let sink = 0; sink < SINKS; sink++) {
      const seen = process.life[sink]!.bytes.length;
      const put = machine.offsets[sink]!;
      if (seen === put) continue;
      this.world.fail(
        "all is released",
        `the guest has ended; sink ${sink}: seen ${seen} of ${put}`,
      );
    }
  }

  /** A side has something to report. */
  reported(process: SimProcess, text: string): void {
    process.say(`-- ${text}`);
    if (!text.includes("breaks the protocol") || this.world.hasDamage) return;
    this.world.fail("both keep to the protocol", `${process.name}: ${text}`);
  }

  #generationOf(process: SimProcess): number {
    const { role } = process;
    if (role === undefined) return process.generation;
    if ("session" in role) return role.session?.protocol.welcome?.generation ?? -1;
    return role.protocol.generation;
  }
}
