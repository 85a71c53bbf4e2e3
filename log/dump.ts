/**
 * `understudy log dump`: a log to be read, frame by frame, an event a line, or as JSON lines.
 *
 * Each frame is opened (checksum, events), because those of its chain that follow need it; but whether it follows on
 * those before it is not checked: a log that `verify` calls bad can still be looked at. Called by command.ts.
 */
import type { Paint } from "../base/paint.ts";
import { FrameDecoder, type LogEvent } from "../codec/codec.ts";
import { decodeText, showBytes, toHex } from "./bytes_text.ts";
import { seconds, selectorName, selectorOf } from "./names.ts";
import type { Printer } from "./printer.ts";
import { LogFile, type ReadProgress } from "./reader.ts";
import type { OpenedFrame } from "./walk.ts";

/** What to show. */
export interface DumpOptions {
  /** The first and the last execution point whose events are shown. */
  readonly from: number;
  readonly to: number;
  /** JSON lines instead of text. */
  readonly json: boolean;
  /** All bytes of an event, not only the first ones. */
  readonly full: boolean;
}

/** What is shown of an event's bytes: so that its line fits on a screen. */
const SHOWN = { textBytes: 72, hexBytes: 24 } as const;
const ALL = { textBytes: Infinity, hexBytes: Infinity } as const;

/**
 * Prints a log.
 * @returns how many bytes at its end are no whole frame, if it was read to its end
 * @throws LogFault at the first frame that is bad, once what comes before is printed; UnavailableError
 */
export async function dumpLog(
  path: string,
  options: DumpOptions,
  printer: Printer,
  paint: Paint,
  progress?: ReadProgress,
): Promise<number> {
  using decoder = new FrameDecoder();
  const show = options.json ? jsonLines(options) : textLines(options, paint);
  using file = await LogFile.open(path, progress);
  try {
    let through = 0;
    for await (const frame of file.frames()) {
      if (through > options.to || !printer.hasReader) return 0;
      const log = file.within(frame, () => decoder.open(frame.bytes));
      through = log.through;
      // All of its events are before: there is no need to look.
      if (through < options.from) continue;
      await dumpFrame({ ...frame, log }, { decoder, options, printer, show });
    }
    return file.cutBytes;
  } finally {
    await printer.flush();
  }
}

/** How frames and events are shown: a line each. */
interface Lines {
  frame(frame: OpenedFrame): string;
  event(event: LogEvent, encodedBytes: number): string;
}

interface Dumping {
  readonly decoder: FrameDecoder;
  readonly options: DumpOptions;
  readonly printer: Printer;
  readonly show: Lines;
}

/** A frame whose events are all outside of what is to be shown has no heading, either; one without events has. */
async function dumpFrame(
  frame: OpenedFrame,
  { decoder, options: { from, to }, printer, show }: Dumping,
): Promise<void> {
  let hasHeading = frame.log.eventCount === 0;
  if (hasHeading) printer.line(show.frame(frame));
  for (let event = decoder.next(); event !== undefined; event = decoder.next()) {
    if (event.point < from || event.point > to) continue;
    if (!hasHeading) printer.line(show.frame(frame));
    hasHeading = true;
    const { overheadBytes, payloadBytes } = decoder.eventBytes;
    printer.line(show.event(event, overheadBytes + payloadBytes));
    await printer.flushIfFull();
  }
}

function textLines({ full }: DumpOptions, paint: Paint): Lines {
  return {
    frame: ({ frame, offset, log, bytes }) => {
      const { sequence, generation, through, eventCount } = log;
      return paint(
        "bold",
        `frame ${frame}: sequence ${sequence}, generation ${generation}, through ${through}, ` +
          `${eventCount} events, ${bytes.length} bytes at offset ${offset}`,
      );
    },
    event: (event) => {
      const name = `${event.kind} ${selectorName(event)}`.padEnd("control digest".length);
      const value = event.kind === "time"
        ? seconds(event.clockUs)
        : `${event.bytes.length} bytes  ${showBytes(event.bytes, full ? ALL : SHOWN)}`;
      return `${`${event.point}`.padStart(12)}  ${paint("cyan", name)}  ${value}`;
    },
  };
}

function jsonLines({ full }: DumpOptions): Lines {
  return {
    frame: ({ frame, offset, header, log, bytes }) => {
      const { sequence, generation, through, eventCount, exitsChecksum, outputsChecksum } = log;
      return JSON.stringify({
        frame,
        offset,
        bytes: bytes.length,
        level: header.level,
        chain: header.chain,
        sequence,
        generation,
        through,
        events: eventCount,
        exitsChecksum: exitsChecksum.toString(16),
        outputsChecksum: outputsChecksum.toString(16),
      });
    },
    event: (event, encodedBytes) => {
      const { kind, point } = event;
      if (event.kind === "time") {
        return JSON.stringify({ point, kind, encodedBytes, clockUs: event.clockUs });
      }
      const { bytes } = event;
      const { textBytes, hexBytes } = full ? ALL : SHOWN;
      const text = decodeText(bytes, textBytes);
      return JSON.stringify({
        point,
        kind,
        encodedBytes,
        selector: selectorOf(event),
        name: selectorName(event),
        length: bytes.length,
        hex: toHex(bytes.subarray(0, hexBytes)),
        ...(text === undefined ? {} : { text }),
      });
    },
  };
}
