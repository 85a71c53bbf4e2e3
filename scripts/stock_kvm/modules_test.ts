import assert from "node:assert/strict";
import { UnavailableError } from "../../base/errors.ts";
import { dependsOf, loadingOrder, moduleName } from "./modules.ts";

const module = (info: string) =>
  new TextEncoder().encode(`\x7fELF\0license=GPL\0${info}\0name=x\0`);

Deno.test("a module's needs are read from it", () => {
  assert.deepEqual(dependsOf(module("depends=virtio-ring,net_core")), ["virtio_ring", "net_core"]);
  assert.deepEqual(dependsOf(module("depends=")), []);
  assert.deepEqual(dependsOf(module("intree=Y")), []);
});

Deno.test("a module's name is its file's, with the kernel's kind of dash", () => {
  assert.equal(moduleName("/lib/modules/6.1/kernel/kvm-amd.ko"), "kvm_amd");
  assert.equal(moduleName("kvm.ko.xz"), "kvm");
});

Deno.test("what a module needs is loaded before it, and nothing twice", () => {
  const needs: Record<string, string[]> = { a: ["b", "c"], b: ["d"], c: ["d"], d: [] };
  const order = loadingOrder(["a", "c"], (name) => needs[name]);
  assert.deepEqual([...order].sort(), ["a", "b", "c", "d"]);
  for (const [name, before] of Object.entries(needs)) {
    for (const other of before) assert.ok(order.indexOf(other) < order.indexOf(name), `${order}`);
  }
});

Deno.test("a module that is not there is named, with the one that needs it", () => {
  const needs: Record<string, string[]> = { a: ["b"] };
  assert.throws(
    () => loadingOrder(["a"], (name) => needs[name]),
    (error) =>
      error instanceof UnavailableError && /no module b, which a needs/.test(error.message),
  );
});
