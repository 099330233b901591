// Compares the page's engine with ONNX Runtime Web on the same network, frames and browser, and with the program.
//
//   node bench/web/run.mjs --onnx FILE --ort FOLDER [--site FOLDER] [--impasto FILE] [--chromium FILE] [--frames N] [--out FILE.md]
//
// FILE comes from `impasto export --target onnx -o light.onnx`, FOLDER is node_modules/onnxruntime-web/dist of `npm install onnxruntime-web`.
// Everything runs in one headless Chromium, one after another: each kind paints 3 frames of 512x288 px unmeasured, then N (30) measured ones; medians.
// What is measured is the network alone: from a picture in memory to a painting in memory, without camera and canvas.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { Chromium } from "../live/chromium.mjs";
import { host } from "./host.mjs";

const words = process.argv.slice(2);
const option = (name, preset) => { const at = words.indexOf(`--${name}`); return at < 0 ? preset : words[at + 1]; };
const site = path.resolve(option("site", new URL("../../web/dist", import.meta.url).pathname));
const impasto = option("impasto", new URL("../../target/release/impasto", import.meta.url).pathname);
const onnx = option("onnx", ""), ort = option("ort", ""), frames = Number(option("frames", 30));
const [width, height] = [512, 288];
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];

// A folder of the site's own files, the rival's, and a page for each.
const folder = mkdtempSync(path.join(tmpdir(), "impasto-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
if (onnx) writeFileSync(path.join(folder, "light.onnx"), readFileSync(onnx));
writeFileSync(path.join(folder, "bench.html"), "<!doctype html><title>bench</title>");
mkdirSync(path.join(folder, "empty"));
const isolated = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
const server = await host([folder, site, ...(ort ? [path.resolve(ort)] : [])], isolated);
const browser = await Chromium.launch(option("chromium", "/usr/bin/chromium"), words.includes("--webgpu") ? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"] : []);
const page = await browser.page(`${server.origin}/bench.html`);

// Ours: the engine in a worker, as on the page.
const own = (file, threads) => page.evaluate(async (file, threads, frames, width, height) => {
  const source = `
    import { Engine, compile, sharedMemory } from "${location.origin}/engine.js";
    onmessage = async ({ data: { file, threads, frames, width, height } }) => {
      const bytes = async (name) => new Uint8Array(await (await fetch("${location.origin}/" + name)).arrayBuffer());
      const module = await compile("${location.origin}/" + file), memory = threads > 1 ? sharedMemory() : undefined;
      const engine = await Engine.start(module, memory);
      for (let i = 1; i < threads; i++) new Worker("${location.origin}/thread.js", { type: "module" }).postMessage({ module, memory, stack: engine.room() });
      while (memory && engine.lent < threads - 1) await new Promise((done) => setTimeout(done, 5));
      engine.ask({ open: { threads } }, await bytes("light.safetensors"));
      engine.ask("styles", await bytes("styles.pack"));
      engine.ask({ settings: { styles: [{ id: "waves", weight: 1 }] } });
      const pixels = new Uint8Array(4 * width * height).map((_, i) => (i * 2654435761 >>> 13) & 255);
      const { json } = engine.ask({ bench: { width, height, frames: frames + 3 } }, pixels);
      postMessage(json.ms.slice(3));
    };`;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
  return new Promise((done, failed) => {
    worker.onmessage = ({ data }) => { worker.terminate(); done(data); };
    worker.onerror = ({ message }) => failed(new Error(message));
    worker.postMessage({ file, threads, frames, width, height });
  });
}, file, threads, frames, width, height);

// Theirs, in a worker too.
const rival = (provider, threads) => page.evaluate(async (provider, threads, frames, width, height) => {
  const source = `
    import * as ort from "${location.origin}/${provider === "webgpu" ? "ort.webgpu.bundle.min.mjs" : "ort.wasm.bundle.min.mjs"}";
    onmessage = async ({ data: { provider, threads, frames, width, height } }) => {
      try {
        ort.env.wasm.wasmPaths = "${location.origin}/";
        ort.env.wasm.numThreads = threads;
        const session = await ort.InferenceSession.create("${location.origin}/light.onnx", { executionProviders: [provider], graphOptimizationLevel: "all" });
        const feeds = {};
        for (const { name, shape } of session.inputMetadata) {
          const dims = shape.map((side, i) => (typeof side === "number" && side > 0 ? side : shape.length === 4 ? [1, 3, height, width][i] : 1));
          feeds[name] = new ort.Tensor("float32", new Float32Array(dims.reduce((a, b) => a * b, 1)).map((_, i) => ((i * 2654435761 >>> 13) & 255) / 255), dims);
        }
        const times = [];
        for (let i = 0; i < frames + 3; i++) {
          const start = performance.now(), result = await session.run(feeds);
          for (const tensor of Object.values(result)) await tensor.getData();
          times.push(performance.now() - start);
        }
        postMessage({ ms: times.slice(3) });
      } catch (why) { postMessage({ error: why.message }); }
    };`;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
  return new Promise((done) => {
    worker.onmessage = ({ data }) => { worker.terminate(); done(data); };
    worker.onerror = ({ message }) => done({ error: message });
    worker.postMessage({ provider, threads, frames, width, height });
  });
}, provider, threads, frames, width, height);

const native = (isa, threads) => {
  const run = spawnSync(impasto, ["bench", "--model", "light", "--size", `${width}x${height}`, "--threads", String(threads), "--json"], { encoding: "utf8", env: { ...process.env, IMPASTO_ISA: isa } });
  try { return JSON.parse(run.stdout); } catch { return null; }
};

const rows = [];
const add = (name, threads, ms, note = "") => { rows.push({ name, threads, ms, note }); console.log(`${name}, ${threads} threads: ${ms === null ? note : `${ms.toFixed(1)} ms, ${(1000 / ms).toFixed(1)} frames/s`}`); };
const engines = readdirSync(site).filter((name) => name.endsWith(".wasm"));
for (const threads of [1, 2]) {
  for (const file of engines.filter((name) => name.includes("threads") === threads > 1)) {
    const times = await own(file, threads).catch((why) => why);
    add(`impasto, ${file}`, threads, times instanceof Error ? null : median(times), times.message);
  }
  if (onnx && ort) {
    const { ms, error } = await rival("wasm", threads);
    add("ONNX Runtime Web, wasm", threads, ms ? median(ms) : null, error);
  }
}
if (onnx && ort && words.includes("--webgpu")) {
  const { ms, error } = await rival("webgpu", 1);
  add("ONNX Runtime Web, WebGPU", 1, ms ? median(ms) : null, error);
}
if (existsSync(impasto)) {
  for (const isa of ["portable", "avx2"]) {
    for (const threads of [1, 2]) {
      const found = native(isa, threads), ms = found?.results?.[0]?.median_ms ?? null;
      add(`the program, ${isa}`, threads, ms, "no figure");
    }
  }
}
await browser.close();
await server.close();
const version = ort ? JSON.parse(readFileSync(path.join(ort, "../package.json"), "utf8")).version : "none";
const table = ["| engine | threads | ms a frame | frames/s |", "|---|---|---|---|", ...rows.map(({ name, threads, ms, note }) => `| ${name} | ${threads} | ${ms === null ? note : ms.toFixed(1)} | ${ms === null ? "–" : (1000 / ms).toFixed(1)} |`)].join("\n");
const head = `light at ${width}x${height}, medians of ${frames} frames, ${browser.version}, onnxruntime-web ${version}, ${cpus()[0].model}, ${cpus().length} cores\n\n`;
if (option("out", "")) writeFileSync(option("out", ""), `${head}${table}\n`);
console.log(`\n${head}${table}`);
process.exit(0);
