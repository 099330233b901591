// Measures the live page in a real headless Chromium with its false camera, browser and server on the same machine.
//
//   node bench/live/run.mjs [--impasto FILE] [--chromium FILE] [--seconds N] [--out FOLDER] [-- WORDS OF impasto live]
//
// For each camera size: frames/s, latency from the camera's frame to the canvas (p50, p95), the working size, time of each stage, and the processors' share by
// process. Writes figures.json and screenshots. Exit code 1 if the canvas is not painted, does not move, or a dropped picture does not change it.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import path from "node:path";
import { Chromium, pause } from "./chromium.mjs";
import { distance, dropPicture, isPainted, look, tint } from "./look.mjs";
import { binary, chromium, option, serve } from "./server.mjs";

const seconds = Number(option("seconds", 20));
const out = option("out", "out");
const SIZES = [360, 720];
// The working size is found in the meantime.
const SETTLE_SECONDS = 15;
mkdirSync(out, { recursive: true });

// Processor seconds of `impasto` and of all processes of Chromium.
function processorSeconds() {
  const sums = { impasto: 0, chromium: 0 };
  for (const id of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${id}/stat`, "utf8");
      const name = /impasto|chrom/.exec(stat.slice(stat.indexOf("("), stat.lastIndexOf(")")))?.[0];
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (name) sums[name === "chrom" ? "chromium" : name] += (Number(fields[11]) + Number(fields[12])) / 100;
    } catch { /* it ended meanwhile */ }
  }
  return sums;
}

const { live, address, api } = await serve();
const browser = await Chromium.launch(chromium, ["--use-fake-device-for-media-stream=fps=30"]);
const problems = [], results = [];

for (const height of SIZES) {
  const page = await browser.page(`${address}&height=${height}`);
  await page.until(isPainted, 60);
  await pause(1000 * SETTLE_SECONDS);
  const [start, busy] = [await api("GET", "/api/stats"), processorSeconds()];
  const first = await look(page), sizes = new Set(), from = Date.now();
  while (Date.now() - from < 1000 * seconds) {
    await pause(500);
    const { working_width, working_height } = await api("GET", "/api/stats");
    sizes.add(`${working_width}x${working_height}`);
  }
  const took = (Date.now() - from) / 1000;
  const [end, busier] = [await api("GET", "/api/stats"), processorSeconds()];
  const second = await look(page);
  if (distance(first, second) < 0.5) problems.push(`${height}: the canvas does not move`);
  if (Math.max(...second.filter((_, i) => i % 4 < 3)) < 30) problems.push(`${height}: the canvas is black`);
  await page.screenshot(path.join(out, `page-${height}.png`));
  results.push({
    camera: `${end.width}x${end.height}`, painted_at: [...sizes],
    fps: (end.frames_painted - start.frames_painted) / took,
    latency_p50_ms: end.latency_p50_ms, latency_p95_ms: end.latency_p95_ms, stages_ms: end.stages_ms,
    cores: Object.fromEntries(Object.entries(busier).map(([name, s]) => [name, (s - busy[name]) / took])),
  });
  if (height === SIZES[0]) await checkDrop(page);
  problems.push(...page.problems);
  await page.close();
}

// A dropped picture becomes the style within a second.
async function checkDrop(page) {
  const before = await tint(page), start = Date.now();
  await dropPicture(page);
  let changed = 0;
  while (!changed && Date.now() - start < 10000) {
    if (distance(before, await tint(page)) > 12) changed = Date.now() - start;
    else await pause(30);
  }
  if (!changed) problems.push("a dropped picture did not change the painting");
  results.push({ dropped_style_shown_after_ms: changed });
  await pause(1500);
  await page.screenshot(path.join(out, "dropped.png"));
}

await browser.close();
live.kill("SIGTERM");
const version = execFileSync(binary, ["--version"], { encoding: "utf8" }).trim();
const report = { machine: `${cpus().length} x ${cpus()[0].model}`, version, browser: browser.version, seconds, results, problems };
writeFileSync(path.join(out, "figures.json"), JSON.stringify(report, null, 2));
console.log(JSON.stringify(report, null, 2));
process.exit(problems.length ? 1 : 0);
