// Runs the conformance suite inside the page's WebAssembly files, under Node: node bench/web/conformance.mjs [FILE.wasm]...
//
// Without files it takes those of web/dist. Files with relaxed SIMD need a Node that has it (21 or later); those with threads run with one. Exit code 1
// if a case failed.

import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { Engine, sharedMemory } from "../../crates/impasto-web/src/page/engine.js";

const root = path.resolve(import.meta.dirname, "../.."), site = path.join(root, "web/dist");
const files = process.argv.length > 2 ? process.argv.slice(2) : readdirSync(site).filter((name) => name.endsWith(".wasm")).map((name) => path.join(site, name));
let failed = 0;
for (const file of files) {
  const name = path.basename(file), bytes = readFileSync(file);
  if (!WebAssembly.validate(bytes)) { console.log(`skipped: ${name}: this Node cannot run it`); continue; }
  const engine = await Engine.start(await WebAssembly.compile(bytes), name.includes("threads") ? sharedMemory() : undefined);
  engine.ask({ open: { threads: 1 } }, new Uint8Array(readFileSync(path.join(root, "crates/impasto/models/light.safetensors"))));
  const start = performance.now(), { json } = engine.ask("conformance");
  console.log(`${json.failures.length ? "FAILED" : "ok    "} ${name}: ${json.engine}, ${((performance.now() - start) / 1000).toFixed(1)} s`);
  json.failures.forEach((words) => console.log(`       ${words}`));
  failed += json.failures.length;
}
process.exit(failed ? 1 : 0);
