/**
 * The ledger's account, computed anew from the requests that its lines say were answered.
 *
 * Written from the guest's description, not from its code, and only used by `ledger_checker.ts`. A result
 * that is wrong is adopted after it has been reported, so that one fault is reported once.
 */

/** What is kept of the requests so far. */
export class LedgerAccount {
  #balance = 0n;
  #operations = 0;
  #total = 0n;
  #lastMs = 0;

  /** The balance. */
  get balance(): bigint {
    return this.#balance;
  }

  /** The guest's clock is at `ms` at least. @returns whether that is not before what it was */
  clock(ms: number): boolean {
    const isForward = ms >= this.#lastMs;
    this.#lastMs = Math.max(ms, this.#lastMs);
    return isForward;
  }

  /** Applies a request (its number may stand before it). @returns what is wrong with the result, if
   * anything */
  apply(request: string, result: string): string | undefined {
    const words = request.trim().split(/\s+/);
    if (words[0]?.startsWith("#")) words.shift();
    const [name, operand] = words;
    switch (name) {
      case "add":
      case "sub":
        return this.#change(name, operand ?? "", result);
      case "get":
        return differs(result, `${this.#balance}`);
      case "sum":
        return differs(result, `${this.#operations} operations, total ${this.#total}`);
      case "quit":
        return differs(result, `balance ${this.#balance}`);
      case "time":
        return this.#time(result);
      case "tsc":
      case "tscp":
      case "random":
        return this.#draw(result);
      default:
        return "answered, though it is no request";
    }
  }

  #change(name: string, operand: string, result: string): string | undefined {
    if (!/^[+-]?\d{1,19}$/.test(operand)) return "answered, though its operand is no number";
    const amount = BigInt(operand.replace("+", ""));
    this.#operations++;
    this.#total += amount < 0n ? -amount : amount;
    this.#balance += name === "add" ? amount : -amount;
    const fault = differs(result, `${this.#balance}`);
    if (fault !== undefined && /^-?\d{1,19}$/.test(result)) this.#balance = BigInt(result);
    return fault;
  }

  /** Of a rogue: nobody but its processor knows the amount, but the balance has to follow from it. */
  #draw(result: string): string | undefined {
    const drawn = result.match(/^(up|luck runs out, down) (\d{1,3}|1000) to (-?\d{1,19})$/);
    if (drawn === null) return `result ${result} is nothing drawn`;
    const [, direction, amount, balance] = drawn;
    return this.#change(direction === "up" ? "add" : "sub", amount!, balance!);
  }

  #time(result: string): string | undefined {
    const ms = result.match(/^(\d{1,15})ms (?:no clock|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)$/)?.[1];
    if (ms === undefined) return `result ${result} is no time`;
    return this.clock(Number(ms)) ? undefined : `its time ${ms} ms is before ${this.#lastMs} ms`;
  }
}

function differs(found: string, expected: string): string | undefined {
  return found === expected ? undefined : `result ${found}, expected ${expected}`;
}
