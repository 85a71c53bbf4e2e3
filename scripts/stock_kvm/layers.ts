/**
 * The first root file system of a stock host, as two cpio archives that Linux unpacks one upon the other.
 *
 * ```
 *   base      Debian's kernel modules, busybox, bash, Deno, the libraries that these need, init.sh
 *   project   this project's files, and Deno's cache of them, so that nothing has to be fetched inside
 * ```
 *
 * The base changes with Debian's kernel and with Deno, the project all the time; the base is what is big.
 * Not compressed: to unpack it under emulation takes longer than to read it.
 *
 * The project has the same path inside as outside: Deno's cache goes by paths.
 */
import { fileURLToPath } from "node:url";
import { UnavailableError } from "../../base/errors.ts";
import { Cache, fingerprint, type Making } from "./cache.ts";
import { type CpioEntry, writeCpio } from "./cpio.ts";
import { dependsOf, loadingOrder, moduleName } from "./modules.ts";
import { unpackPackage } from "./packages.ts";
import { requireProgram, runTool } from "./tools.ts";

/** The project's folder, without a slash at the end. */
export const projectFolder = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** KVM on AMD's kind of processor; TAP devices; what the control channel and the network need. */
const MODULES = ["kvm-amd", "tun", "virtio_pci", "virtio_console", "virtio_net"];
/** Programs of this machine that busybox has no like of, and their packages: `./understudy` is a bash
 * script, and a shell for a person needs a terminal. */
const PROGRAMS = [["bash", "bash"], ["script", "bsdutils"]] as const;
/** Without these there is no point in booting. */
const NEEDED_MODULES = ["main.ts", "scripts/stock_kvm/agent.ts"];
const INIT = fileURLToPath(new URL("init.sh", import.meta.url));

/** What QEMU boots. */
export interface BootFiles {
  readonly kernel: string;
  /** To be put one behind the other. */
  readonly layers: readonly string[];
}

/** The cache of everything here. */
export function openCache(): Cache {
  return new Cache(`${projectFolder}/.cache/stock-kvm`);
}

/** Fetches and builds what is not in the cache yet. @throws UnavailableError if something is missing */
export async function bootFiles(making: Making): Promise<BootFiles> {
  const kernel = await unpackPackage("linux-image-cloud-amd64", making);
  const busybox = await unpackPackage("busybox-static", making);
  const base = await baseLayer(making, kernel.folder, `${busybox.folder}/bin/busybox`);
  const project = await projectLayer(making);
  return { kernel: theOnly(`${kernel.folder}/boot`, /^vmlinuz-/), layers: [base, project] };
}

async function baseLayer(
  { cache, progress, signal }: Making,
  kernelFolder: string,
  busybox: string,
): Promise<string> {
  const programs = await Promise.all(PROGRAMS.map(([name, from]) => requireProgram(name, from)));
  const libraries = await librariesOf([Deno.execPath(), ...programs], signal);
  const key = fingerprint([
    ...[theOnly(`${kernelFolder}/boot`, /^vmlinuz-/), busybox, INIT, import.meta.filename!],
    ...[Deno.execPath(), ...programs, ...libraries],
  ]);
  return await cache.file("base", key, (path) => {
    progress("building the base: kernel modules, busybox, bash, Deno");
    const modules = modulesOf(kernelFolder);
    writeCpio(path, [
      executable("/init", INIT),
      executable("/bin/busybox", busybox),
      executable("/usr/bin/deno", Deno.execPath()),
      ...programs.map((from, index) => executable(`/bin/${PROGRAMS[index]![0]}`, from)),
      ...libraries.map((from) => executable(from, from)),
      ...modules.map((from) => executable(from.slice(kernelFolder.length), from)),
      text("/etc/stock-kvm/modules", modules.map((from) => from.slice(kernelFolder.length))),
      text("/etc/passwd", ["root:x:0:0:root:/root:/bin/bash"]),
      text("/etc/group", ["root:x:0:"]),
      text("/etc/hosts", ["127.0.0.1 localhost"]),
    ]);
  });
}

/** The files of the modules that are needed, in the order to load them. */
function modulesOf(kernelFolder: string): string[] {
  const paths = new Map(
    [...walk(`${kernelFolder}/lib/modules`)].filter((path) => path.endsWith(".ko")).map((
      path,
    ) => [moduleName(path), path]),
  );
  const order = loadingOrder(MODULES, (name) => {
    const path = paths.get(name);
    return path === undefined ? undefined : dependsOf(Deno.readFileSync(path));
  });
  return order.map((name) => paths.get(name)!);
}

/** The files of the shared libraries that programs are linked with, as `ldd` names them. */
async function librariesOf(
  programs: readonly [string, ...string[]],
  signal: AbortSignal,
): Promise<string[]> {
  const output = await runTool(["ldd", ...programs], { signal });
  const found = [...output.matchAll(/(?:=> |^\t)(\/\S+) \(0x/gm)].map(([, path]) => path!);
  return [...new Set(found)].sort();
}

async function projectLayer(making: Making): Promise<string> {
  const { cache, progress, signal } = making;
  await requireProgram("git", "git");
  const listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"] as const;
  const output = await runTool(["git", "-C", projectFolder, ...listing], { signal });
  const files = [...new Set(output.split("\0"))].filter((path) => path !== "").sort()
    .map((path) => `${projectFolder}/${path}`)
    // What was removed and not committed is still listed.
    .filter(isFile);
  return await cache.file("project", fingerprint([...files, Deno.execPath()]), async (path) => {
    progress("building the project's layer");
    const denoFolder = `${cache.path}/deno`;
    await cacheModules(files.filter((file) => file.endsWith(".ts")), denoFolder, making);
    writeCpio(path, [
      ...files.map((from) => file(from, from)),
      ...[...walk(denoFolder)].map((from) =>
        file(`/var/cache/deno${from.slice(denoFolder.length)}`, from)
      ),
      text("/etc/stock-kvm/project", [projectFolder]),
    ]);
  });
}

/** Has Deno fetch and translate what the modules need, so that nothing of that is left to do inside. */
async function cacheModules(
  modules: readonly string[],
  denoFolder: string,
  { progress, signal }: Making,
): Promise<void> {
  const run = (paths: readonly string[]) =>
    runTool([Deno.execPath(), "cache", "--quiet", ...paths], {
      cwd: projectFolder,
      env: { DENO_DIR: denoFolder, NO_COLOR: "1" },
      signal,
    });
  await run(NEEDED_MODULES);
  try {
    await run(modules);
  } catch (error) {
    // A test that is being written, say: it need not hold up the rest.
    if (!(error instanceof UnavailableError)) throw error;
    progress(`not everything in the project loads; it may be missing inside: ${error.message}`);
  }
}

function executable(path: string, from: string): CpioEntry {
  return { kind: "file", path, executable: true, content: { from } };
}

function file(path: string, from: string): CpioEntry {
  const isExecutable = ((Deno.statSync(from).mode ?? 0) & 0o100) !== 0;
  return { kind: "file", path, executable: isExecutable, content: { from } };
}

function text(path: string, lines: readonly string[]): CpioEntry {
  const content = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
  return { kind: "file", path, executable: false, content };
}

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* walk(`${folder}/${name}`);
    else if (isFile) yield `${folder}/${name}`;
  }
}

function theOnly(folder: string, name: RegExp): string {
  const found = [...Deno.readDirSync(folder)].filter((entry) => name.test(entry.name));
  if (found.length === 1) return `${folder}/${found[0]!.name}`;
  throw new UnavailableError(`${folder} should have one file ${name}, and has ${found.length}`);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
