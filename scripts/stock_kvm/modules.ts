/**
 * Kernel modules: which others a module needs, and in which order to load them.
 *
 * Debian's package comes without `modules.dep` (its installation makes that); but each module says in its
 * `.modinfo` section what it depends on: `depends=a,b`, ended by NUL. The base layer calls it.
 */
import { basename } from "node:path";
import { UnavailableError } from "../../base/errors.ts";

/** The module of a path: without folder and ending, with one kind of dash, as the kernel compares them. */
export function moduleName(path: string): string {
  return basename(path).replace(/\.ko(\.\w+)?$/, "").replaceAll("-", "_");
}

/** The modules that one needs, by name. */
export function dependsOf(module: Uint8Array): string[] {
  const text = new TextDecoder("latin1").decode(module);
  const list = text.match(/\0depends=([\w,-]*)\0/)?.[1] ?? "";
  return list.split(",").filter((name) => name !== "").map(moduleName);
}

/**
 * The modules that are wanted and all that they need, each behind what it needs.
 * @param depends what the module of a name needs; undefined: there is no such module
 * @throws UnavailableError if one is not there
 */
export function loadingOrder(
  wanted: readonly string[],
  depends: (name: string) => readonly string[] | undefined,
): string[] {
  const order = new Set<string>();
  const visit = (name: string, path: readonly string[]) => {
    if (order.has(name) || path.includes(name)) return;
    const needed = depends(name);
    if (needed === undefined) {
      const by = path.length === 0 ? "" : `, which ${path.at(-1)} needs`;
      throw new UnavailableError(`the kernel package has no module ${name}${by}`);
    }
    for (const other of needed) visit(other, [...path, name]);
    order.add(name);
  };
  for (const name of wanted) visit(moduleName(name), []);
  return [...order];
}
