/**
 * Runs a benchmark again in a network namespace of its own, where loopback passes a certain number of bits a second:
 * what a link between two hosts does to it.
 *
 * Needs root, and Debian's iproute2.
 */

/**
 * Runs this program with these arguments in a network whose loopback is limited; returns its exit code. The namespace
 * is gone afterwards.
 * @param rate as tc takes it, such as `1gbit`
 * @throws Error with what `ip` or `tc` says if there can be no such network here
 */
export async function inLimitedNetwork(rate: string, args: readonly string[]): Promise<number> {
  const name = `understudy-bench-${Deno.pid}`;
  await command("ip", "netns", "add", name);
  try {
    const inside = ["netns", "exec", name];
    await command("ip", ...inside, "ip", "link", "set", "lo", "up");
    // Loopback's packets have up to 64 KiB: a smaller burst would pass none.
    const bucket = ["rate", rate, "burst", "1mb", "latency", "50ms"];
    await command("ip", ...inside, "tc", "qdisc", "add", "dev", "lo", "root", "tbf", ...bucket);
    const program = [Deno.execPath(), "run", "--allow-all", Deno.mainModule, ...args];
    const child = new Deno.Command("ip", { args: [...inside, ...program] }).spawn();
    return (await child.status).code;
  } finally {
    await command("ip", "netns", "del", name);
  }
}

async function command(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  if (success) return;
  throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
}
