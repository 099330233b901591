// `impasto live` as a child, for the scripts beside this one.

import { spawn } from "node:child_process";

// The words after `node SCRIPT`: `option("name", preset)`, and those after `--` for `impasto live`.
const words = process.argv.slice(2);
const split = words.indexOf("--");
const own = split < 0 ? words : words.slice(0, split);
export const more = split < 0 ? [] : words.slice(split + 1);
export const option = (name, preset) => { const at = own.indexOf(`--${name}`); return at < 0 ? preset : own[at + 1]; };
export const binary = option("impasto", new URL("../../target/release/impasto", import.meta.url).pathname);
export const chromium = option("chromium", "/usr/bin/chromium");

const TOKEN = "bench-token";

// Starts the server; gives its process, its address with the token, and `api(method, path, body)`.
export async function serve({ args = [], cwd, port = 0 } = {}) {
  const live = spawn(binary, ["live", "--no-open", "--port", String(port), "--token", TOKEN, ...args, ...more], { stdio: ["ignore", "pipe", "ignore"], cwd });
  process.on("exit", () => live.kill("SIGKILL"));
  const address = await new Promise((found, failed) => {
    live.stdout.on("data", (text) => found(String(text).trim()));
    live.on("exit", (code) => failed(new Error(`\`${live.spawnargs.join(" ")}\` ended with ${code}`)));
  });
  const { origin } = new URL(address);
  const headers = { "x-impasto-token": TOKEN, "content-type": "application/json" };
  const api = async (method, where, body) => {
    const answer = await fetch(origin + where, { method, headers, body });
    const text = await answer.text();
    return Object.assign(text ? JSON.parse(text) : {}, answer.ok ? {} : { status: answer.status });
  };
  return { live, address, origin, api };
}
