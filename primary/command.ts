/**
 * The commands `run` and `primary`.
 */
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import {
  command,
  onStopSignals,
  parseCount,
  parseLimit,
  parseMilliseconds,
  parseSize,
} from "../base/command_line.ts";
import { type ExitCodeValue, UnavailableError } from "../base/errors.ts";
import { divergenceMaxDefault } from "../base/limits.ts";
import {
  type DivergenceMax,
  divergenceMaxExpected,
  parseDivergenceMax,
} from "../protocol/divergence_budget.ts";
import { PROTECTION_MODES } from "../protocol/rules.ts";
import { parseVerify, type Verify, verifyDefault, verifyExpected } from "../protocol/verify.ts";
import { reporter } from "../base/reporter.ts";
import { parseAddress } from "../link/address.ts";
import { insecureOption, keysOption, Security } from "../link/security.ts";
import { serveStatus } from "../link/status_server.ts";
import type { Interposer, PrimarySide } from "./primary_side.ts";
import { BUNDLED_GUESTS, type GuestRequest } from "./guest_source.ts";
import { Solo } from "./solo.ts";
import { type PrimaryOptions, startPrimary } from "./start.ts";

const STARTING = "this side is starting";

const CONSOLE_HELP = "stdio, file:PATH, console:ADDR (framed), tcp:ADDR (raw) or none";

const NET_HELP =
  "what the machine's network card is connected to: tap:NAME[,mac=ADDRESS][,bridge=NAME] " +
  "(default: it has no card)";

const SLICE_HELP =
  "a guest that computes for so long without an exit is stopped, to let things enter";
const SLICE_MS = 20;
const GUEST_NAMES = Object.keys(BUNDLED_GUESTS).join(", ");

/** Tells the caller what to exit with. */
export type Done = (code: ExitCodeValue) => void;

/** `understudy run` */
export function runCommand(done: Done) {
  return command("run", "run one machine, unprotected", [
    "understudy run hello",
    "understudy run ledger --record ledger.log",
    "understudy run kv --net tap:tap0,bridge=br0 --cmdline 'ip=10.0.0.2/24'",
    "understudy run stress --cmdline '7 100' --console file:stress.txt",
  ])
    .argument("<guest>", `a bundled guest (${GUEST_NAMES}) or a PVH ELF image's path`)
    .option("--console <c>", CONSOLE_HELP, "stdio")
    .option("--net <n>", NET_HELP)
    .option("--cmdline <s>", "the guest's command line")
    .option("--module <file>", "a file that the guest gets as its PVH module, such as an initrd")
    .option("--memory <size>", "the guest's memory", parseSize, parseSize("64M"))
    .option("--record <file>", "record the log into a file, for `understudy replay`")
    .option("--slice <ms>", SLICE_HELP, parseMilliseconds, SLICE_MS)
    .addOption(keysOption())
    .addOption(insecureOption())
    .action(async (guest, options) => {
      const stop = stopSignal();
      const solo = await Solo.start({
        ...request(guest, options),
        console: options.console,
        net: options.net,
        memoryBytes: options.memory,
        record: options.record,
        sliceMs: options.slice,
        security: Security.from(options),
      }, reporter("run"));
      void stop.then((signal) => solo.stop(`stopped by ${signal}`));
      done(await solo.run());
    });
}

/** `understudy primary` @param interposer see {@link Interposer}: for tests */
export function primaryCommand(done: Done, interposer?: Interposer) {
  return withPrimaryOptions(command("primary", "run a machine that a backup can follow", [
    "understudy primary ledger --listen 0.0.0.0:7000 --keys keys/a --arbiter file:/srv/arbiter --console console:0.0.0.0:7001",
    "understudy primary vmlinux --cmdline 'console=ttyS0' --listen 127.0.0.1:7000 --arbiter file:/srv/arbiter --require-backup",
  ]))
    .action(async (guest, options) => {
      const say = reporter("primary");
      const stop = stopSignal();
      const primary = primaryOptions(guest, options);
      const { security } = primary;
      await using stack = new AsyncDisposableStack();
      const started: { side?: PrimarySide } = {};
      // Before a generation is won: an address that can't be had must not cost one.
      if (options.status !== undefined) {
        const server = stack.use(serveStatus(parseAddress(options.status), {
          status: () => started.side?.status() ?? { role: "primary", mode: "starting" },
          handover: () => started.side ? started.side.handover() : STARTING,
          set: (changes) => {
            if (started.side === undefined) throw new UnavailableError(STARTING);
            return started.side.set(changes);
          },
          stop: () => started.side?.stop("stopped on request"),
        }, { security, notice: say }));
        say(`status at ${server.url}`);
      }
      const stopping = new AbortController();
      void stop.then(() => stopping.abort());
      const side = started.side = await startPrimary(
        { ...primary, stopping: stopping.signal },
        say,
        interposer,
      );
      void stop.then((signal) => side.retire(`stopped by ${signal}`));
      const { code, why } = await side.run();
      say(why);
      done(code);
    });
}

/** What a primary is started with, as options: also for `understudy serve`. */
export function withPrimaryOptions(base: ReturnType<typeof command>) {
  return base
    .argument("<guest>", `a bundled guest (${GUEST_NAMES}) or a PVH ELF image's path`)
    .requiredOption("--listen <addr>", "where backups can join, HOST:PORT")
    .option("--advertise <addr>", "where the other side reaches --listen (default: as it says)")
    .requiredOption(
      "--arbiter <a>",
      "who decides which side goes on: file:DIR or etcd:URL[,URL...]",
    )
    .option("--console <c>", CONSOLE_HELP, "stdio")
    .option("--net <n>", NET_HELP)
    .option("--cmdline <s>", "the guest's command line")
    .option("--module <file>", "a file that the guest gets as its PVH module, such as an initrd")
    .option("--memory <size>", "the guest's memory", parseSize, parseSize("64M"))
    .option("--id <id>", "the machine's id at the arbiter (default: the guest's name)")
    .option("--who <name>", "how this side is called, for people", Deno.hostname())
    .option("--require-backup", "do not start the guest before a backup follows", false)
    .addOption(
      new Option("--commit <when>", "outputs wait until the backup has so much of their log")
        .choices(["received", "replayed"] as const).default("received" as const),
    )
    .option("--timeout <ms>", "silence for longer is a loss", parseMilliseconds, 500)
    .option(
      "--heartbeat <ms>",
      "how often the sides hear of each other (default: a tenth of the timeout)",
      parseMilliseconds,
    )
    .option(
      "--lag-max <ms>",
      "slow the guest down while the backup's replay is further behind; off: never",
      parseLimit,
      200,
    )
    .option(
      "--verify <when>",
      "how often the whole machine is compared: every (execution point), commit (each frame that an output " +
        "waits for), a number of exits, or off",
      verifyOption,
      verifyDefault,
    )
    .option(
      "--divergence-max <n>",
      "divergences that are healed, N or N/SECONDS; with one more a backup takes states, or in replay mode is unfit",
      divergenceMaxOption,
      divergenceMaxDefault,
    )
    .option("--slice <ms>", SLICE_HELP, parseMilliseconds, SLICE_MS)
    .addOption(
      new Option(
        "--mode <m>",
        "how the backup follows: replays events, takes states (checkpoint), or replays until it diverges too often",
      )
        .choices(PROTECTION_MODES).default("auto" as const),
    )
    .option("--epoch <ms>", "in checkpoint mode, outputs share a state", parseMilliseconds, 10)
    .option("--status <addr>", "serve figures as JSON at http://ADDR/status")
    .option(
      "--supersede <generation>",
      "start anew though this generation never ended",
      parseCount,
    )
    .addOption(keysOption())
    .addOption(insecureOption());
}

/** What {@link withPrimaryOptions} has read. */
export type ParsedPrimaryOptions = ReturnType<ReturnType<typeof withPrimaryOptions>["opts"]>;

/** The same, for {@link startPrimary}. */
export function primaryOptions(
  guest: string,
  options: ParsedPrimaryOptions,
): PrimaryOptions & { readonly security: Security } {
  return {
    ...request(guest, options),
    security: Security.from(options),
    listen: options.listen,
    arbiter: options.arbiter,
    console: options.console,
    net: options.net,
    memoryBytes: options.memory,
    who: options.who,
    requireBackup: options.requireBackup,
    commitReplayed: options.commit === "replayed",
    heartbeatMs: options.heartbeat ?? Math.ceil(options.timeout / 10),
    lagMaxMs: options.lagMax,
    sliceMs: options.slice,
    mode: options.mode,
    epochLengthMs: options.epoch,
    timeoutMs: options.timeout,
    verify: options.verify,
    divergenceMax: options.divergenceMax,
    ...(options.id === undefined ? {} : { id: options.id }),
    ...(options.advertise === undefined ? {} : { advertise: options.advertise }),
    ...(options.supersede === undefined ? {} : { supersede: options.supersede }),
  };
}

function divergenceMaxOption(text: string): DivergenceMax {
  const max = parseDivergenceMax(text);
  if (max === undefined) throw new InvalidArgumentError(`expected ${divergenceMaxExpected}`);
  return max;
}

function verifyOption(text: string): Verify {
  const verify = parseVerify(text);
  if (verify === undefined) throw new InvalidArgumentError(`expected ${verifyExpected}`);
  return verify;
}

/** The first signal that asks this process to stop, from now on: also one that comes while it starts. */
function stopSignal(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  onStopSignals(resolve);
  return promise;
}

/** What the options say of the guest. */
function request(
  guest: string,
  { cmdline, module }: { cmdline?: string | undefined; module?: string | undefined },
): GuestRequest {
  return {
    guest,
    ...(cmdline === undefined ? {} : { commandLine: cmdline }),
    ...(module === undefined ? {} : { module }),
  };
}
