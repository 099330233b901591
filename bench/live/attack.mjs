// Does to the live server what a stranger would, over loopback only and within bounds, and says what each attempt got.
//
//   node bench/live/attack.mjs [--impasto FILE]
//
// Host and Origin of others, DNS rebinding, other sites' pages, missing and wrong tokens, traversal, huge and slow requests, sockets, floods of
// connections, and picture bombs. Prints a line for each; exit code 1 if one got what it should not. Takes about a minute: time-outs are waited for.

import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { plainPng } from "./png.mjs";
import { serve } from "./server.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "impasto-attack-"));
const { live, address, origin, api } = await serve({ args: ["--camera", "demo"], cwd: folder });
const { host, port, searchParams } = new URL(address);
const token = searchParams.get("token");
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
let failures = 0;
const line = (what, holds, got) => {
  if (!holds) failures++;
  console.log(`${holds ? "ok    " : "FAILED"} ${what}: ${got}`);
};

// Sends bytes as they are; gives everything that comes back until the connection is closed, or `seconds` are over.
const raw = (text, { seconds = 30, more = [] } = {}) => new Promise((done) => {
  const start = Date.now(), parts = [];
  const socket = net.connect(Number(port), "127.0.0.1");
  const end = (how) => {
    clearTimeout(timer);
    socket.destroy();
    const answer = Buffer.concat(parts).toString("latin1");
    done({ how, answer, status: Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0), seconds: (Date.now() - start) / 1000 });
  };
  const timer = setTimeout(() => end("still open"), 1000 * seconds);
  socket.on("error", () => end("reset"));
  socket.on("close", () => end("closed"));
  socket.on("data", (bytes) => {
    parts.push(bytes);
    // A WebSocket and a stream never end by themselves.
    if (bytes.includes("101 Switching") || bytes.includes("x-mixed-replace")) more.length ? more.forEach((part) => socket.write(part)) : end("open");
  });
  socket.write(text);
});
const request = (method, where, headers = {}, body = "") => {
  const all = { host, connection: "close", ...headers, ...(body && { "content-length": Buffer.byteLength(body) }) };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return raw(`${method} ${where} HTTP/1.1\r\n${head}\r\n${body}`);
};
const KEY = { "x-impasto-token": token }, JSON_KEY = { ...KEY, "content-type": "application/json" };
// One attempt that is to get one of these statuses, with words in JSON.
const tried = async (what, statuses, method, where, headers, body) => {
  const { status, answer, how } = await request(method, where, headers, body);
  const worded = status < 400 || /\r\n\r\n\{"error":"[^"]{8,}/.test(answer);
  line(what, statuses.includes(status) && worded, status ? `${status}${worded ? "" : " without words"}` : how);
};

// --- who asks ---
for (const foreign of ["evil.example", `evil.example:${port}`, "127.0.0.1:1", `127.0.0.1.evil.example:${port}`, "", `127.0.0.2:${port}`]) {
  await tried(`Host "${foreign}"`, [403], "GET", "/api/state", { ...KEY, host: foreign });
}
await tried("a name of others that points here (rebinding), with its own Origin", [403], "POST", "/api/settings", { ...JSON_KEY, host: `evil.example:${port}`, origin: `http://evil.example:${port}` }, "{}");
for (const foreign of ["http://evil.example", "null", "http://127.0.0.1:1", `https://evil.example:${port}`]) {
  await tried(`Origin "${foreign}" with the token`, [403], "POST", "/api/settings", { ...JSON_KEY, origin: foreign }, "{}");
}
for (const site of ["cross-site", "same-site"]) {
  await tried(`Sec-Fetch-Site: ${site} with the token`, [403], "GET", "/api/state", { ...KEY, "sec-fetch-site": site });
  await tried(`an image of the stream from a page that is ${site}`, [403], "GET", `/stream.mjpg?token=${token}`, { "sec-fetch-site": site, "sec-fetch-dest": "image" });
}
const GUARDED = [["GET", "/view"], ["GET", "/ws"], ["GET", "/stream.mjpg"], ["GET", "/api/stats"], ["GET", "/api/state"], ["GET", "/api/snapshot.png"], ["POST", "/api/settings"],
  ["POST", "/api/styles?name=a.png"], ["DELETE", "/api/styles/waves"], ["GET", "/api/styles/waves/thumb.jpg"], ["GET", "/api/styles/waves/painting.jpg"], ["POST", "/api/record"]];
for (const [method, where] of GUARDED) await tried(`${method} ${where} without a token`, [401], method, where, {}, method === "POST" ? "{}" : "");
for (const wrong of ["", token.slice(0, -1), `${token}x`, token.toUpperCase(), "' or 1=1", "%00"]) {
  await tried(`the token "${wrong}"`, [401], "GET", "/api/state", { "x-impasto-token": wrong });
}
await tried("the token in the cookie of another port", [401], "GET", "/api/state", { cookie: `impasto-1=${token}` });
await tried("a wrong token in the address beside the right cookie", [401], "GET", "/api/state?token=wrong", { cookie: `impasto-${port}=${token}` });
const page = await request("GET", `/?token=${token}`);
line("the cookie is for this site's requests only", /set-cookie: [^\r]*HttpOnly; SameSite=Strict/i.test(page.answer), /set-cookie: .*/i.exec(page.answer)?.[0].replace(token, "…") ?? "no cookie");
for (const wanted of ["content-security-policy: default-src 'none'", "x-content-type-options: nosniff", "cross-origin-resource-policy: same-origin", "permissions-policy:", "frame-ancestors 'none'"]) {
  line(`the page has ${wanted}`, page.answer.toLowerCase().includes(wanted), page.status);
}

// --- what is asked for ---
for (const where of ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/app.js/../../Cargo.toml", "//etc/passwd", "/api/styles/..%2f..%2fetc%2fpasswd/thumb.jpg", "/api/styles/%00/thumb.jpg"]) {
  await tried(`GET ${where}`, [404, 400], "GET", where, KEY);
}
for (const file of ["../x.mp4", "/tmp/impasto-attack.mp4", "a\\b.mp4", "C:x.mp4", ".mp4", "x.mp4\u0000.mp4", "x.sh", `${"x".repeat(300)}.mp4`]) {
  await tried(`a recording into ${JSON.stringify(file).slice(0, 30)}`, [409], "POST", "/api/record", JSON_KEY, JSON.stringify({ on: true, file }));
}
line("no file was made", readdirSync(folder).length === 0 && !existsSync("/tmp/impasto-attack.mp4"), readdirSync(folder).join(" ") || "none");
await tried("{bad", [400], "POST", "/api/settings", JSON_KEY, "{bad");
await tried("JSON of another kind", [415], "POST", "/api/settings", { ...KEY, "content-type": "text/plain" }, "{}");
await tried("deeply nested JSON", [400], "POST", "/api/settings", JSON_KEY, "[".repeat(30000));
await tried("a wrong method", [405], "PUT", "/api/settings", KEY);

// --- huge and slow ---
await tried("3 MB of settings", [413], "POST", "/api/settings", JSON_KEY, " ".repeat(3 << 20));
await tried("a style of 1 TB", [413], "POST", "/api/styles?name=a.png", { ...KEY, "content-length": 1e12 });
const chunk = `10000\r\n${" ".repeat(0x10000)}\r\n`;
line("settings in endless chunks", (await raw(`POST /api/settings HTTP/1.1\r\nhost: ${host}\r\nx-impasto-token: ${token}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(4)}`)).status === 413, "413");
const long = await raw(`GET / HTTP/1.1\r\nhost: ${host}\r\nx: ${"x".repeat(200000)}\r\n\r\n`);
line("a head of 200 KB", [400, 414, 431].includes(long.status) || long.how === "reset", long.status || long.how);
const noise = await raw("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03noise\r\n\r\n");
line("a TLS hello", noise.status === 400 || noise.how !== "still open", noise.status || noise.how);
const slow = await Promise.all([
  ["nothing at all", ""], ["half a head", `GET / HTTP/1.1\r\nhost: ${host}\r\nx: `],
  ["half a body", `POST /api/styles?name=a.png HTTP/1.1\r\nhost: ${host}\r\nx-impasto-token: ${token}\r\ncontent-length: 1000\r\n\r\nabc`],
].map(async ([what, text]) => [what, await raw(text, { seconds: 45 })]));
for (const [what, { how, status, seconds }] of slow) line(`${what}, and then silence`, how !== "still open", `${status || how} after ${seconds.toFixed(0)} s`);

// --- sockets ---
const hello = (more = "", query = `?token=${token}`) => `GET /ws${query} HTTP/1.1\r\nhost: ${host}\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`;
// A masked message; the mask is 0.
const message = (kind, body) => {
  const bytes = Buffer.from(body), head = Buffer.from([0x80 | kind, 0x80 | 126, bytes.length >> 8, bytes.length & 255, 0, 0, 0, 0]);
  return Buffer.concat([head, bytes]);
};
for (const [what, text, status] of [["without a token", hello("", ""), 401], ["from another origin", hello("origin: http://evil.example\r\n"), 403], ["from another site", hello("sec-fetch-site: cross-site\r\n"), 403]]) {
  const got = await raw(text, { seconds: 10 });
  line(`a socket ${what}`, got.status === status, got.status || got.how);
}
const steer = message(1, '{"hello":{"format":"rgba","steer":true}}'), take = message(1, '{"steer":true}');
for (const [what, parts] of [
  ["random bytes as a frame", [steer, take, message(2, Buffer.alloc(500, 255))]], ["a frame that claims 65535x65535 px", [steer, take, message(2, Buffer.from([2, 0, 255, 255, 255, 255, ...Array(60).fill(0)]))]],
  ["words that are no JSON", [message(1, "hello")]], ["a message of 2^62 bytes", [Buffer.from([0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])]], ["a frame with reserved bits", [Buffer.from([0xf2, 0x80, 0, 0, 0, 0])]],
]) {
  const got = await raw(hello(), { seconds: 20, more: parts });
  line(`a socket that sends ${what}`, got.status === 101 && got.how !== "still open", got.how);
}

// --- floods ---
const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${live.pid}/status`, "utf8"))[1]) / 1024;
const handles = () => readdirSync(`/proc/${live.pid}/fd`).length;
const idle = Array.from({ length: 300 }, (_, i) => {
  const socket = net.connect(Number(port), "127.0.0.1").on("error", () => {});
  socket.write(i % 2 ? "GET / HTTP/1.1\r\nhost: 127" : "");
  return socket;
});
await pause(1000);
const during = await request("GET", "/api/state", KEY);
line("300 connections that ask for nothing, and one that does", during.status === 200, `${during.status} after ${during.seconds.toFixed(2)} s, ${handles()} handles`);
line("few of them are kept", handles() < 100, `${handles()} handles`);
idle.forEach((socket) => socket.destroy());
const guesses = await Promise.all(Array.from({ length: 100 }, (_, i) => request("GET", "/api/state", { "x-impasto-token": `guess-${i}` })));
line("100 guesses at once", guesses.every(({ status }) => status !== 200), `${guesses.filter(({ status }) => status === 401).length} were answered 401, the rest were cut off`);
const before = peak();
const bombs = await Promise.all(Array.from({ length: 6 }, () => fetch(`${origin}/api/styles?name=bomb.png`, { method: "POST", headers: KEY, body: plainPng(20000, 20000, 1) }).then((answer) => answer.status, () => 0)));
line("six pictures of 400 megapixels at once", bombs.every((status) => status === 400), bombs.join(" "));
// Connections of the flood that the server has not seen closing yet would push out these.
await pause(3000);
const large = plainPng(8000, 8000, 8000);
const heavy = await Promise.all(Array.from({ length: 6 }, () => fetch(`${origin}/api/styles?name=large.png`, { method: "POST", headers: KEY, body: large }).then((answer) => answer.status, () => 0)));
line("six pictures of 64 megapixels at once", heavy.every((status) => status === 201), heavy.join(" "));
line("are read one at a time", peak() - before < 700, `the peak of memory rose by ${(peak() - before).toFixed(0)} MiB; one takes 183 as pixels`);
const many = await Promise.all(Array.from({ length: 40 }, () => fetch(`${origin}/api/styles?name=a.png`, { method: "POST", headers: KEY, body: "no picture" }).then((answer) => answer.status, () => 0)));
const counted = (wanted) => many.filter((status) => status === wanted).length;
line("40 more at once", counted(400) > 0 && counted(400) + counted(503) + counted(0) === 40, `${counted(400)} were read, ${counted(503)} told to try again, ${counted(0)} cut off before they brought the token`);

const feed = await fetch(`${origin}/stream.mjpg?token=${token}`);
let painted = 0;
for (let i = 0; i < 600 && !painted; i++, await pause(100)) painted = (await api("GET", "/api/stats")).frames_painted;
line("it still paints for whoever has the token", feed.status === 200 && painted > 0 && live.exitCode === null, `${feed.status}, ${painted} frames`);
await feed.body.cancel();
live.kill("SIGTERM");
rmSync(folder, { recursive: true, force: true });
console.log(failures ? `${failures} failed` : "all of it was withstood");
process.exit(failures ? 1 : 0);
