// Lets the live server run for a long while with changing styles, and checks that memory and latency stay where they were.
//
//   node soak.mjs [--impasto FILE] [--minutes N] [--out FILE] [-- WORDS OF impasto live]
//
// A viewer takes the MJPEG feed of the demo scene. Every two seconds the style and the dials change; every ten a picture is added as a style, used, and
// taken away; every minute twenty connections are opened and dropped. Prints a line a minute; exit code 1 if the
// server ended, stopped painting, or its memory in the last quarter is over 1.1 times that of the second.

import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { png } from "./png.mjs";

const words = process.argv.slice(2);
const split = words.indexOf("--");
const own = split < 0 ? words : words.slice(0, split);
const option = (name, preset) => { const at = own.indexOf(`--${name}`); return at < 0 ? preset : own[at + 1]; };
const minutes = Number(option("minutes", 30));

const TOKEN = "soak-token";
const live = spawn(option("impasto", "../../target/release/impasto"),
  ["live", "--camera", "demo", "--no-open", "--port", "0", "--token", TOKEN, ...(split < 0 ? [] : words.slice(split + 1))],
  { stdio: ["ignore", "pipe", "inherit"] });
const origin = new URL(await new Promise((found) => live.stdout.once("data", (text) => found(String(text).trim())))).origin;
const problems = [];
let over = false;
process.on("exit", () => live.kill("SIGKILL"));
live.on("exit", (code, signal) => over || problems.push(`the server ended with ${code ?? signal}`));

const api = async (method, where, body) => {
  const answer = await fetch(origin + where, { method, headers: { "x-impasto-token": TOKEN, "content-type": "application/json" }, body });
  const text = await answer.text();
  if (!answer.ok) problems.push(`${method} ${where}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : {};
};
const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${live.pid}/status`, "utf8"))[1]) / 1024;

let fed = 0;
http.get(`${origin}/stream.mjpg?token=${TOKEN}`, (feed) => feed.on("data", (bytes) => { fed += bytes.length; }));

// Stripes in two colours, as a PNG of 64x64.
function stripes(seed) {
  const rows = Buffer.alloc(64 * (1 + 64 * 3));
  for (let y = 0; y < 64; y++) for (let x = 0; x < 64; x++) {
    const on = Math.floor((x + y * (seed % 3)) / 8) % 2;
    rows.set(on ? [seed * 37 % 256, seed * 91 % 256, 200] : [20, seed * 53 % 256, 90], y * 193 + 1 + 3 * x);
  }
  return png(64, 64, rows);
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const styles = (await api("GET", "/api/state")).styles.map((style) => style.id);
const samples = [];
const start = Date.now();
for (let round = 0; Date.now() - start < 60000 * minutes && !problems.length; round++) {
  const pick = (n) => styles[(round * 7 + n * 11) % styles.length];
  let gone;
  let mix = [{ id: pick(0), weight: 1 + (round % 3) }, { id: pick(1), weight: round % 2 }];
  if (round % 5 === 4) {
    const added = await api("POST", `/api/styles?name=stripes-${round}.png`, stripes(round));
    mix = [{ id: added.id, weight: 1 }];
    gone = added.id;
  }
  await api("POST", "/api/settings", JSON.stringify({ styles: mix, strength: 0.5 + 0.5 * (round % 2), steady: (round % 5) / 4, keep_color: (round % 7) / 7 }));
  // Only what has been used is taken away: on a busy machine the server may be slow to answer.
  if (gone) setTimeout(() => over || api("DELETE", `/api/styles/${gone}`), 1500);
  if (round % 30 === 29) for (let i = 0; i < 20; i++) net.connect(Number(new URL(origin).port), "127.0.0.1").on("error", () => {}).on("connect", function () { this.destroy(); });
  if (round % 30 === 0) {
    const stats = await api("GET", "/api/stats");
    const sample = { minute: (Date.now() - start) / 60000, resident_mib: resident(), painted: stats.frames_painted, p50_ms: stats.latency_p50_ms, p95_ms: stats.latency_p95_ms, fed_mib: fed / 2 ** 20 };
    if (samples.length && sample.painted === samples.at(-1).painted) problems.push("nothing was painted for a minute");
    samples.push(sample);
    console.log(Object.entries(sample).map(([name, value]) => `${name} ${typeof value === "number" ? value.toFixed(1) : value}`).join(", "));
  }
  await pause(2000);
}
const quarter = (n) => { const part = samples.slice(Math.floor(samples.length * n / 4), Math.ceil(samples.length * (n + 1) / 4)).map((s) => s.resident_mib).sort((a, b) => a - b); return part[part.length >> 1]; };
const [early, late] = [quarter(1), quarter(3)];
if (late > 1.1 * early) problems.push(`memory grew from ${early.toFixed(0)} to ${late.toFixed(0)} MiB`);
over = true;
live.kill("SIGTERM");
writeFileSync(option("out", "soak.json"), JSON.stringify({ minutes, resident_mib: { second_quarter: early, last_quarter: late }, samples, problems }, null, 2));
console.log(JSON.stringify({ second_quarter_mib: early, last_quarter_mib: late, problems }));
process.exit(problems.length ? 1 : 0);
