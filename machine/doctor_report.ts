/**
 * The report of `understudy doctor` as text: a table of findings with what each means below it, of at
 * most {@link COLUMNS} columns, which reads the same on a terminal and in a file.
 *
 * Called by main.ts through doctor.ts.
 */
import { type Paint, painter, type Style } from "../base/paint.ts";
import type { Check, HostReport } from "./doctor_check.ts";

/** The widest line. */
export const COLUMNS = 100;

const GAP = "  ";
const STATUS_WIDTH = "limited".length;

/** How a report is shown. */
export interface ReportStyle {
  /** Whether to colour it with escape sequences. */
  readonly colour: boolean;
}

/** The report for people: the checks, then the verdict. Ends in a newline. */
export function formatReport({ canRun, checks }: HostReport, { colour }: ReportStyle): string {
  const paint = painter(colour);
  const nameWidth = Math.max(0, ...checks.map(({ name }) => name.length));
  const lines = checks.flatMap((check) => formatCheck(check, nameWidth, paint));
  const lacking = checks.filter(({ required, status }) => required && status === "missing");
  const verdict = canRun ? paint("green", "Guests can run on this host.") : paint(
    "red",
    `Guests can't run on this host: see ${lacking.map(({ name }) => name).join(", ")}.`,
  );
  return [...lines, "", paint("bold", verdict), ""].join("\n");
}

function formatCheck(check: Check, nameWidth: number, paint: Paint): string[] {
  const { name, finding, status, meaning } = check;
  const margin = " ".repeat(STATUS_WIDTH + nameWidth + 2 * GAP.length);
  const width = COLUMNS - margin.length;
  const [first = "", ...rest] = wrap(finding, width);
  const head = [paint(styleOf(check), status.padEnd(STATUS_WIDTH)), name.padEnd(nameWidth), first];
  return [
    head.join(GAP),
    ...rest.map((line) => margin + line),
    ...wrap(meaning, width).map((line) => margin + paint("faint", line)),
  ];
}

/** Red is for what keeps guests from running, and for nothing else. */
function styleOf({ status, required }: Check): Style {
  if (status === "good") return "green";
  return status === "missing" && required ? "red" : "yellow";
}

/** Breaks text at blanks; a word that is wider than `width` keeps a line of its own. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
