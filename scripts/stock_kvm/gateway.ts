/**
 * Two ends of the virtual network that are programs of this machine: the arbiter and the observer.
 *
 * A QEMU process without a machine in it: for each end a TCP/IP stack in user space on one side, the
 * switch on the other. So the arbiter is an ordinary process here that both hosts reach at an address of
 * theirs; the observer reaches any port of a host through one of 127.0.0.1; and all that passes between
 * them is frames that the switch can lose. No privilege is needed.
 *
 * `pair.ts` has one.
 */
import { UnavailableError } from "../../base/errors.ts";
import { Qemu, requireQemu } from "./qemu.ts";

/** An end that this machine's programs are at. */
export interface GatewayEnd {
  readonly name: string;
  /** Its address on the virtual network. From inside, its ports are those of 127.0.0.1 here. */
  readonly address: string;
  /** Addresses that the stack wants for a name server, which nobody asks. */
  readonly unusedAddress: string;
  /** Where the switch listens. */
  readonly socket: string;
}

/** A forwarding that could not be made is tried so often with another port. */
const ATTEMPTS = 20;

/** See the top of the file. */
export class Gateway implements AsyncDisposable {
  readonly #monitor: Deno.Conn;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(readonly qemu: Qemu, monitor: Deno.Conn) {
    this.#monitor = monitor;
    this.#lines = monitor.readable.pipeThrough(new TextDecoderStream())
      .pipeThrough(linesOf()).getReader();
  }

  /**
   * Starts it.
   * @param network with the prefix's length: `192.168.76.0/24`
   * @param monitorSocket where QEMU's monitor is to be
   */
  static async start(
    network: string,
    ends: readonly GatewayEnd[],
    monitorSocket: string,
  ): Promise<Gateway> {
    const command = [
      await requireQemu(),
      ...["-machine", "none", "-nodefaults", "-no-user-config", "-display", "none"],
      ...["-chardev", `socket,id=monitor,path=${monitorSocket}`, "-qmp", "chardev:monitor"],
      ...ends.flatMap((end, hub) => endArgs(network, end, hub)),
    ];
    using listener = Deno.listen({ transport: "unix", path: monitorSocket });
    await using stack = new AsyncDisposableStack();
    const qemu = stack.use(await Qemu.start(command));
    const monitor = await Promise.race([
      listener.accept(),
      qemu.exited.then(() => {
        throw new UnavailableError(`QEMU can't be the gateway: ${qemu.complaint}`);
      }),
    ]);
    const gateway = new Gateway(qemu, monitor);
    await gateway.#line(); // its greeting
    await gateway.#ask({ execute: "qmp_capabilities" });
    stack.move();
    return gateway;
  }

  /**
   * A port of 127.0.0.1 that leads to one of a host, from an end.
   * A connection to it succeeds at once, whether or not somebody listens at its other end.
   */
  async forward(end: string, address: string, port: number): Promise<number> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const own = takePort();
      const command = `hostfwd_add ${end} tcp:127.0.0.1:${own}-${address}:${port}`;
      const answer = await this.#ask({
        execute: "human-monitor-command",
        arguments: { "command-line": command },
      });
      if (answer === "") return own;
    }
    throw new UnavailableError(`no port of 127.0.0.1 could be made to lead to ${address}:${port}`);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.qemu[Symbol.asyncDispose]();
    await this.#lines.cancel();
  }

  /** One question at a time: an answer says not which it is for. */
  #ask(question: object): Promise<unknown> {
    const answer = this.#last.then(async () => {
      await this.#monitor.write(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
      for (;;) {
        const { return: result, error } = JSON.parse(await this.#line());
        if (error !== undefined) throw new UnavailableError(`QEMU's monitor: ${error.desc}`);
        if (result !== undefined) return result;
      }
    });
    this.#last = answer.catch(() => {});
    return answer;
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.read();
    if (done) throw new UnavailableError(`the gateway is gone: ${this.qemu.complaint}`);
    return value;
  }
}

function endArgs(network: string, end: GatewayEnd, hub: number): string[] {
  const { name, address, unusedAddress, socket } = end;
  const stack = `net=${network},host=${address},dns=${unusedAddress},ipv6=off`;
  return [
    ...["-netdev", `user,id=${name},${stack}`],
    ...["-netdev", `stream,id=${name}-lan,server=off,addr.type=unix,addr.path=${socket}`],
    ...["-netdev", `hubport,id=${name}-1,hubid=${hub},netdev=${name}`],
    ...["-netdev", `hubport,id=${name}-2,hubid=${hub},netdev=${name}-lan`],
  ];
}

/** A port that is free at this moment. */
function takePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function linesOf(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(text, controller) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) controller.enqueue(line);
    },
  });
}
