// Drives the live page in a real headless Chromium with a fake camera, checks that it paints, and measures it.
//
//   cd bench/live && npm install && node run.mjs [--impasto FILE] [--chromium FILE] [--seconds N] [--out FOLDER] [-- WORDS OF impasto live]
//
// For each camera size: frames/s, latency from camera to canvas (p50, p95), time of each stage, share of the processors by process. Writes
// figures.json and screenshots. Exit code 1 if the canvas is not painted, does not move, or a dropped picture does not change it.

import { chromium } from "playwright-core";
import { spawn, execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import path from "node:path";

const words = process.argv.slice(2);
const split = words.indexOf("--");
const own = split < 0 ? words : words.slice(0, split);
const option = (name, preset) => { const at = own.indexOf(`--${name}`); return at < 0 ? preset : own[at + 1]; };
const binary = option("impasto", "../../target/release/impasto");
const seconds = Number(option("seconds", 20));
const out = option("out", "out");
const SIZES = [360, 720];
mkdirSync(out, { recursive: true });

const TOKEN = "bench-token";
const live = spawn(binary, ["live", "--no-open", "--port", "0", "--token", TOKEN, ...(split < 0 ? [] : words.slice(split + 1))],
  { stdio: ["ignore", "pipe", "inherit"] });
const address = await new Promise((found, failed) => {
  live.stdout.on("data", (text) => found(String(text).trim()));
  live.on("exit", (code) => failed(new Error(`impasto live ended with ${code}`)));
});
const origin = new URL(address).origin;
const headers = { "x-impasto-token": TOKEN, "content-type": "application/json" };
const api = async (method, where, body) => (await fetch(origin + where, { method, headers, body })).json();

// Processor seconds by process name, for this machine's processes of impasto and Chromium.
function processorSeconds() {
  const sums = {};
  for (const id of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${id}/stat`, "utf8");
      const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (/impasto|chrom/.test(name)) sums[name] = (sums[name] ?? 0) + (Number(fields[11]) + Number(fields[12])) / 100;
    } catch { /* it ended meanwhile */ }
  }
  return sums;
}

const browser = await chromium.launch({
  executablePath: option("chromium", "/usr/bin/chromium"),
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream=fps=30"],
});

// Mean and spread of the canvas, and a thumbnail of it.
const look = (page) => page.evaluate(() => {
  const small = Object.assign(document.createElement("canvas"), { width: 32, height: 18 });
  const context = small.getContext("2d");
  context.drawImage(document.getElementById("painting"), 0, 0, 32, 18);
  return [...context.getImageData(0, 0, 32, 18).data];
});
const distance = (a, b) => a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;

const problems = [], results = [];
for (const height of SIZES) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 760 } });
  const page = await context.newPage();
  page.on("pageerror", (why) => problems.push(`page: ${why.message}`));
  page.on("console", (message) => message.type() === "error" && problems.push(`console: ${message.text()}`));
  await page.goto(`${address}&height=${height}`);
  await page.waitForFunction(() => document.getElementById("figures").textContent.includes("frames/s"), null, { timeout: 60000 });
  await page.waitForTimeout(6000);
  const [start, busy] = [await api("GET", "/api/stats"), processorSeconds()];
  const first = await look(page);
  await page.waitForTimeout(1000 * seconds);
  const [end, busier] = [await api("GET", "/api/stats"), processorSeconds()];
  const second = await look(page);
  if (distance(first, second) < 0.5) problems.push(`${height}: the canvas does not move`);
  if (Math.max(...second.filter((_, i) => i % 4 < 3)) < 30) problems.push(`${height}: the canvas is black`);
  await page.screenshot({ path: path.join(out, `page-${height}.png`) });
  results.push({
    camera: `${end.width}x${end.height}`, painted_at: `${end.working_width}x${end.working_height}`,
    fps: (end.frames_painted - start.frames_painted) / seconds,
    latency_p50_ms: end.latency_p50_ms, latency_p95_ms: end.latency_p95_ms, stages_ms: end.stages_ms,
    processor_share: Object.fromEntries(Object.entries(busier).map(([name, s]) => [name, (s - (busy[name] ?? 0)) / seconds])),
  });
  if (height === SIZES[0]) await checkDrop(page);
  await context.close();
}

// A dropped picture becomes the style within a second.
async function checkDrop(page) {
  const before = await look(page);
  const start = Date.now();
  await page.evaluate(async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 256, height: 256 });
    const context = canvas.getContext("2d");
    for (let i = 0; i < 64; i++) { context.fillStyle = `hsl(${i * 3}, 95%, 50%)`; context.fillRect((i % 8) * 32, (i >> 3) * 32, 32, 24); }
    const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    const transfer = new DataTransfer();
    transfer.items.add(new File([blob], "stripes.png", { type: "image/png" }));
    window.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
  });
  let changed = 0;
  while (Date.now() - start < 10000) {
    if (distance(before, await look(page)) > 8) { changed = Date.now() - start; break; }
    await page.waitForTimeout(50);
  }
  if (!changed) problems.push("a dropped picture did not change the painting");
  results.push({ dropped_style_shown_after_ms: changed });
  await page.waitForTimeout(1500);
  await page.screenshot({ path: path.join(out, "dropped.png") });
  await page.setViewportSize({ width: 400, height: 800 });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.keyboard.press("s");
  await page.waitForTimeout(1500);
  await page.screenshot({ path: path.join(out, "phone-dark-split.png") });
}

await browser.close();
live.kill("SIGTERM");
const version = execFileSync(binary, ["--version"], { encoding: "utf8" }).trim();
const report = { machine: `${cpus().length} x ${cpus()[0].model}`, version, seconds, results, problems };
writeFileSync(path.join(out, "figures.json"), JSON.stringify(report, null, 2));
console.log(JSON.stringify(report, null, 2));
process.exit(problems.length ? 1 : 0);
