// Uses the live page as a person would, in a real headless Chromium with a false camera and microphone, and checks what comes of it.
//
//   node bench/live/check.mjs [--impasto FILE] [--chromium FILE] [--out FOLDER]
//
// Prints a line for each check, and writes screenshots, recordings and snapshots into the folder. Exit code 1 if one failed. Recordings are looked at with
// ffprobe and ffmpeg, where they are installed.

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { Chromium, pause } from "./chromium.mjs";
import { distance, dropPicture, isPainted, look, tint } from "./look.mjs";
import { chromium, option, serve } from "./server.mjs";

const out = path.resolve(option("out", "out"));
rmSync(path.join(out, "files"), { recursive: true, force: true });
mkdirSync(path.join(out, "files"), { recursive: true });
const files = path.join(out, "files");
let failures = 0;
const check = (what, holds, found = "") => {
  if (!holds) failures++;
  console.log(`${holds ? "ok    " : "FAILED"} ${what}${holds ? "" : `: ${JSON.stringify(found)}`}`);
};
// Waits until `what()` holds.
const until = async (what, seconds = 10) => {
  for (const end = Date.now() + 1000 * seconds; Date.now() < end; await pause(50)) if (await what()) return true;
  return false;
};

let server = await serve({ cwd: files });
const { api, address, origin } = server;
const browser = await Chromium.launch(chromium, ["--use-fake-device-for-media-stream=fps=30"]);
await browser.call("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: files, eventsEnabled: false });
const state = () => api("GET", "/api/state");
const page = await browser.page(`${address}&height=360`);
await browser.call("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: files, browserContextId: page.context });

// --- painting ---
await page.until(isPainted, 60);
const first = await look(page);
check("the canvas is painted", Math.max(...first.filter((_, i) => i % 4 < 3)) > 60);
check("and moves", await until(async () => distance(first, await look(page)) > 0.5));
check("the browser's camera is in use", (await state()).camera.name === "browser");
const before = await tint(page);
const dropped = Date.now();
await dropPicture(page);
const turned = await until(async () => distance(before, await tint(page)) > 12);
const took = Date.now() - dropped;
check("a dropped picture becomes the style", turned, [before, await tint(page)]);
check("within a second", took <= 1000, `${took} ms`);
check("it is in the gallery", (await state()).styles.some((style) => !style.builtin && style.name === "stripes"));
await page.click('#gallery li[aria-selected="true"] button');
check("and can be taken away", await until(async () => (await state()).styles.every((style) => style.builtin)));

// --- keys ---
const pressed = async (key, expression) => { await page.press(key); return until(() => page.evaluate(expression), 3); };
await page.click("#gallery li:nth-child(2)");
check("? shows the keys", await pressed("?", 'document.getElementById("keys").open'));
check("Escape closes them", await pressed("Escape", '!document.getElementById("keys").open'));
check("S splits the view", await pressed("s", '!document.getElementById("divider").hidden'));
check("the camera is shown beside the painting", await until(async () => {
  const original = await look(page, "original");
  return Math.max(...original.filter((_, i) => i % 4 < 3)) > 60 && distance(await look(page), original) > 5;
}));
const at = await page.evaluate(() => { const box = document.getElementById("divider").getBoundingClientRect(); return [box.left + box.width / 2, box.top + 40]; });
await page.drag(at[0], at[1], at[0] + 120, at[1]);
check("the line can be dragged", await page.evaluate('+document.getElementById("divider").getAttribute("aria-valuenow") > 55'));
await page.evaluate('document.getElementById("divider").focus()');
const place = await page.evaluate('+document.getElementById("divider").getAttribute("aria-valuenow")');
check("and moved by keys", await pressed("ArrowLeft", `+document.getElementById("divider").getAttribute("aria-valuenow") < ${place}`));
await page.screenshot(path.join(out, "split.png"));
await page.evaluate("document.activeElement.blur()");
check("M mirrors", await pressed("m", 'document.getElementById("frame").classList.contains("mirrored")'));
check("7 sets the strength", await until(async () => { await page.press("7"); return (await state()).settings.strength === 0.7; }));
const style = (await state()).settings.styles[0].id;
await page.press("ArrowRight");
check("→ takes the next style", await until(async () => (await state()).settings.styles[0].id !== style));
check("C keeps the camera's colours", await until(async () => { await page.press("c"); await pause(300); return (await state()).settings.keep_color === 1; }));
check("H hides the panel", await pressed("h", "document.body.classList.contains('wide')"));
await page.press("h");
check("F fills the screen", await pressed("f", "Boolean(document.fullscreenElement)"));
await page.press("f");
await page.press("p");
const saved = (ending) => readdirSync(files).filter((name) => name.startsWith("impasto-") && name.endsWith(ending) && statSync(path.join(files, name)).size > 1000);
check("P saves a picture", await until(() => saved(".png").length === 1));

// --- dials and a mix by mouse and keyboard ---
await page.click("#gallery li:nth-child(1)");
await page.click("#gallery li:nth-child(4)", 8);
check("shift-click mixes two styles", await until(async () => (await state()).settings.styles.length === 2));
check("with a slider for each", await until(() => page.evaluate('document.querySelectorAll("#mix input").length === 2')));
await page.evaluate('document.querySelector("[name=strength]").focus()');
const strength = (await state()).settings.strength;
await page.press("ArrowRight");
check("a slider moves by keys", await until(async () => (await state()).settings.strength > strength));
const reached = new Set();
await page.evaluate("document.activeElement.blur()");
for (let i = 0; i < 40; i++) {
  await page.press("Tab");
  reached.add(await page.evaluate('(({ id, name, dataset, tagName }) => id || name || dataset.id || tagName)(document.activeElement)'));
}
const wanted = ["mirror", "split", "snapshot", "record", "fullscreen", "help", "camera", "file", "strength", "keep_color", "brush", "steady", "resolution", "microphone"];
check("Tab reaches every control", wanted.every((id) => reached.has(id)), wanted.filter((id) => !reached.has(id)));
const { nodes } = await page.call("Accessibility.getFullAXTree");
const roles = ["button", "slider", "checkbox", "combobox", "option", "listbox"];
const nameless = nodes.filter((n) => !n.ignored && roles.includes(n.role?.value) && !n.name?.value);
check("every control has a name for screen readers", nameless.length === 0, nameless.map((n) => n.role.value));

// --- a reload ---
const kept = (await state()).settings;
await api("POST", "/api/settings", JSON.stringify({ strength: 0.2, keep_color: 0.9, styles: [] }));
await page.reload();
check("settings survive a reload", await until(async () => { const now = (await state()).settings; return now.strength === kept.strength && now.styles.length === 2; }), (await state()).settings);
check("and so does the look", await until(() => page.evaluate('document.getElementById("frame").classList.contains("mirrored") && !document.getElementById("divider").hidden')));
await page.press("s");
await page.press("m");

// --- several viewers ---
const second = await browser.page(`${address}&height=360`);
check("a second viewer sees the painting", await until(async () => distance(Array(2304).fill(0), await look(second)) > 80));
check("and does not steer", await until(() => second.evaluate('document.getElementById("controls").disabled && !document.getElementById("take-over").hidden')));
await second.click("#take-over");
check("until it takes over", await until(() => second.evaluate('!document.getElementById("controls").disabled')));
check("from the first", await until(() => page.evaluate('document.getElementById("controls").disabled')));
await page.screenshot(path.join(out, "watching.png"));
await second.close();
check("whoever is left can take over", await until(async () => { await page.click("#take-over"); return page.evaluate('!document.getElementById("controls").disabled'); }));
const view = await browser.page(address.replace("/?", "/view?"));
check("/view shows the painting alone", await until(async () => distance(Array(2304).fill(0), await look(view)) > 80));
await view.close();

// --- recordings ---
const probe = (file) => {
  const found = spawnSync("ffprobe", ["-v", "error", "-show_entries", "stream=codec_name,codec_type,start_time,duration,nb_read_packets", "-count_packets", "-of", "json", file], { encoding: "utf8" });
  return found.error ? null : { said: found.stderr, streams: JSON.parse(found.stdout || "{}").streams ?? [] };
};
// Moments of beeps in seconds: loud after quiet.
const beeps = (file) => {
  const { stdout } = spawnSync("ffmpeg", ["-v", "error", "-i", file, "-vn", "-ac", "1", "-ar", "8000", "-f", "s16le", "-"], { maxBuffer: 1 << 28 });
  const sound = new Int16Array(stdout.buffer, stdout.byteOffset, stdout.length >> 1), loud = [];
  for (let i = 0; i + 80 <= sound.length; i += 80) loud.push(sound.subarray(i, i + 80).reduce((sum, v) => sum + v * v, 0) / 80 > 1e6);
  return loud.flatMap((is, i) => (is && !loud[i - 1] ? [i / 100] : []));
};
const looked = (name, file, sound) => {
  const found = probe(file);
  if (!found) return console.log(`skipped: ${name}: there is no ffprobe`);
  const video = found.streams.find((s) => s.codec_type === "video"), audio = found.streams.find((s) => s.codec_type === "audio");
  check(`${name} plays`, found.said === "" && Number(video?.nb_read_packets) > 20, found);
  if (!sound) return;
  const heard = beeps(file), apart = heard.slice(1).map((moment, i) => moment - heard[i]);
  check(`${name} has the microphone's beeps`, Number(audio?.nb_read_packets) > 50 && heard.length >= 2, { audio, heard });
  check(`${name} has them evenly`, apart.every((seconds) => Math.abs(seconds - apart[0]) < 0.06), apart);
};
await page.evaluate('document.getElementById("microphone").checked || document.getElementById("microphone").click()');
await page.press("r");
await pause(4000);
await page.press("r");
const film = () => [...saved(".mp4"), ...saved(".webm")].find((name) => !name.includes("crdownload"));
check("R records in the browser", await until(() => Boolean(film())));
if (film()) looked("the browser's recording", path.join(files, film()), true);
await page.evaluate('document.getElementById("microphone").click()');
await api("POST", "/api/record", JSON.stringify({ on: true, file: "silent.mp4" }));
check("the page tells of a recording on the server", await until(() => page.evaluate('document.getElementById("recording").textContent.includes("silent.mp4")')));
await pause(3000);
await api("POST", "/api/record", JSON.stringify({ on: false }));
looked("the server's recording", path.join(files, "silent.mp4"), false);
await api("POST", "/api/record", JSON.stringify({ on: true, file: "sound.mp4", sound: true }));
check("a recording with sound ticks the box", await until(() => page.evaluate('document.getElementById("microphone").checked')));
await pause(6000);
await api("POST", "/api/record", JSON.stringify({ on: false }));
looked("the server's recording with sound", path.join(files, "sound.mp4"), true);

// --- sizes and colours ---
for (const [width, height, phone] of [[1280, 760, false], [390, 844, true]]) {
  for (const scheme of ["light", "dark"]) {
    await page.resize(width, height, phone);
    await page.colors(scheme);
    await pause(400);
    await page.screenshot(path.join(out, `${width}-${scheme}.png`));
    check(`nothing is cut off at ${width} px, ${scheme}`, await page.evaluate("document.documentElement.scrollWidth <= innerWidth"));
  }
}
await page.resize(1280, 760);

// --- faults ---
const permit = (setting) => browser.call("Browser.setPermission", { permission: { name: "camera" }, setting, origin, browserContextId: page.context });
await permit("denied");
check("a camera that is gone is told", await until(() => page.evaluate('!document.getElementById("notice").hidden')));
await page.screenshot(path.join(out, "no-camera.png"));
check("and the demo scene takes its place", await until(async () => (await state()).camera.name === "demo"), (await state()).camera);
await permit("granted");
check("it comes back by itself", await until(async () => (await state()).camera.name === "browser", 15), (await state()).camera);
server.live.kill("SIGKILL");
check("a server that is gone is told", await until(() => page.evaluate('document.getElementById("notice").textContent.includes("trying again")')));
server = await serve({ cwd: files, port: new URL(origin).port });
const painted = async () => (await api("GET", "/api/stats").catch(() => ({}))).frames_painted ?? 0;
check("and found again when it is back", await until(async () => (await painted()) > 5, 20));
check("with the settings of before", await until(async () => (await state()).settings.styles.length === 2));
await page.close();
await pause(2500);
const rested = await painted();
await pause(1500);
check("nobody looking, nothing is painted", (await painted()) === rested);
check("nothing went wrong in the page", page.problems.filter((p) => !p.includes("WebSocket")).length === 0, page.problems);

await browser.close();
server.live.kill("SIGTERM");
console.log(failures ? `${failures} failed` : "all is well");
process.exit(failures ? 1 : 0);
