import assert from "node:assert/strict";

Deno.test("a line is said with its role, and not again until another one was said", async () => {
  const script = `
    const { reporter } = await import(${JSON.stringify(import.meta.resolve("./reporter.ts"))});
    const say = reporter("primary");
    say.live("where there is no terminal, nothing moves");
    for (const text of ["held", "held", "held", "released", "held"]) say(text);
  `;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", script],
    env: { NO_COLOR: "1" },
  }).output();
  assert.equal(new TextDecoder().decode(stdout), "");
  assert.equal(
    new TextDecoder().decode(stderr),
    "primary: held\nprimary: released\nprimary: held\n",
  );
});

Deno.test("what a peer has said is told in one line, without what would move the cursor", async () => {
  const script = `
    const { reporter } = await import(${JSON.stringify(import.meta.resolve("./reporter.ts"))});
    reporter("backup")("refused: full\\x1b[2J\\nbackup: protected");
  `;
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", script],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stderr);
  assert.equal(text, "backup: refused: full\\x1b[2J\\nbackup: protected\n");
});
