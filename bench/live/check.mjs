// Uses the live page as a person would, in a real headless Chromium with a false camera and microphone, and checks what comes of it.
//
//   node bench/live/check.mjs [--impasto FILE] [--chromium FILE] [--out FOLDER] [--patience SECONDS]
//
// Prints a line for each check, and writes screenshots, recordings and snapshots into the folder. Exit code 1 if one failed. Each check waits for what it
// wants, up to the patience, so that the machine's speed decides nothing. Recordings are looked at with ffprobe and ffmpeg, where they are installed.

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { Chromium, pause } from "./chromium.mjs";
import { deepening } from "./deepen.mjs";
import { distance, dropPicture, look, tint } from "./look.mjs";
import { chromium, option, serve } from "./server.mjs";

const out = path.resolve(option("out", "out")), patience = Number(option("patience", 60));
const files = path.join(out, "files");
rmSync(files, { recursive: true, force: true });
mkdirSync(files, { recursive: true });
let failures = 0;
// Asks `test()` until it holds; what it found last, or why it could not be asked, stands in the line of a failure.
async function check(what, test, seconds = patience) {
  let found;
  for (const end = Date.now() + 1000 * seconds; ; await pause(50)) {
    found = await Promise.resolve().then(test).catch((why) => why);
    if (found === true) return console.log(`ok     ${what}`);
    if (Date.now() > end) break;
  }
  failures++;
  console.log(`FAILED ${what}: ${found instanceof Error ? found.message : JSON.stringify(found)}`);
}
// What is wrong, or `true`.
const is = (holds, found) => Boolean(holds) || found || false;
const skip = (what, why) => console.log(`skipped: ${what}: ${why}`);

let server = await serve({ cwd: files });
const { api, address, origin } = server;
const browser = await Chromium.launch(chromium, ["--use-fake-device-for-media-stream=fps=30"]);
await browser.call("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: files, eventsEnabled: false });
const state = () => api("GET", "/api/state"), settings = async () => (await state()).settings;
const stats = () => api("GET", "/api/stats");
const page = await browser.page(`${address}&height=360`);
await browser.call("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: files, browserContextId: page.context });
const shot = (name, of = page) => of.screenshot(path.join(out, `${name}.png`));
const has = (expression, of = page) => async () => is(await of.evaluate(expression), await of.evaluate("document.getElementById('notices')?.textContent"));
const notice = (text, of = page) => has(`document.getElementById("notices").textContent.includes(${JSON.stringify(text)})`, of);
const bright = (pixels) => Math.max(...pixels.filter((_, i) => i % 4 < 3));
const press = (key, expression) => async () => { if (await page.evaluate(expression)) return true; await page.press(key); await pause(300); return page.evaluate(expression); };
const once = (action, test) => { let done; return async () => { done ??= await Promise.resolve(action()).then(() => true); return test(); }; };
const card = (n) => `#gallery li:nth-child(${n})`;

// --- painting ---
await check("the canvas is painted", async () => is(bright(await look(page)) > 60, (await stats())));
const first = await look(page);
await check("and moves", async () => distance(first, await look(page)) > 0.5);
await check("the browser's camera is in use", async () => is((await state()).camera.name === "browser", (await state()).camera));
await check("the token has left the address bar", has('!location.href.includes("token") && location.search === "?height=360"'));
await check("figures stand below the painting", has('document.getElementById("figures").textContent.includes("frames/s")'));
await check("styles are shown on the camera's picture", has('document.querySelector("#gallery .result").src.includes("of=camera") && document.querySelector("#gallery .result").naturalWidth > 0'));
const before = await tint(page), dropped = Date.now();
await dropPicture(page);
await check("a dropped picture becomes the style", async () => is(distance(before, await tint(page)) > 12, [before, await tint(page)]));
console.log(`       after ${Date.now() - dropped} ms`);
await check("it is in the gallery, with its painting beside the result", async () => is((await state()).styles.some(({ builtin, painting, name }) => !builtin && painting && name === "stripes")
  && await page.evaluate('document.querySelector("#gallery .source")?.naturalWidth > 0'), (await state()).styles.at(-1)));
await check("and can be taken away", once(() => page.click("#gallery .remove"), async () => (await state()).styles.every(({ builtin }) => builtin)));

// --- styles ---
const mixed = async () => (await settings()).styles.map(({ id }) => id);
await check("a tap paints in that style", once(() => page.click(`${card(2)} .pick`), async () => is((await mixed()).join() === (await state()).styles[1].id, await mixed())));
await check("plus mixes another in", once(() => page.click(`${card(4)} .plus`), async () => is((await mixed()).length === 2, await mixed())));
await check("with a slider for each", has('document.querySelectorAll("#mix input").length === 2'));
await check("shift-click mixes a third in", once(() => page.click(`${card(5)} .pick`, 8), async () => is((await mixed()).length === 3, await mixed())));
await check("minus takes one out", once(() => page.click(`${card(5)} .plus`), async () => is((await mixed()).length === 2, await mixed())));
await shot("mix");
await check("a long press mixes by touch", once(async () => {
  const [x, y] = await page.evaluate((s) => { document.querySelector(s).scrollIntoView({ block: "center" }); const box = document.querySelector(s).getBoundingClientRect(); return [box.left + box.width / 2, box.top + box.height / 2]; }, `${card(3)} .pick`);
  await page.call("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x, y }] });
  await pause(900);
  await page.call("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
}, async () => is((await mixed()).length === 3, await mixed())));
const type = (text) => page.evaluate((text) => { const box = document.getElementById("search"); box.value = text; box.dispatchEvent(new Event("input")); }, text);
await check("search finds by name and painter", once(() => type("gogh night"), has('document.querySelectorAll("#gallery li").length >= 1 && document.querySelectorAll("#gallery li").length <= 4 && document.querySelector("#gallery li").dataset.id === "starry-night"')));
await check("a star makes a favourite", once(() => page.evaluate('document.querySelector("#gallery .star").click()'), has('document.querySelector("#gallery .star").getAttribute("aria-pressed") === "true"')));
await check("words tell where nothing is found", once(() => type("no such style"), has('!document.getElementById("none").hidden')));
await type("");
await check("favourites can be shown alone", once(() => page.click("#favourites"), has('document.querySelectorAll("#gallery li").length === 1')));
await page.click("#favourites");

// --- keys ---
await page.evaluate("document.activeElement.blur()");
await check("? shows the keys", press("?", 'document.getElementById("keys").open'));
await check("Escape closes them", press("Escape", '!document.getElementById("keys").open'));
await check("M mirrors, for everybody", once(() => page.press("m"), async () => is((await settings()).mirror, await settings())));
await check("S splits the view", once(() => page.press("s"), async () => is((await settings()).split === 0.5, await settings())));
await check("with a line to drag", has('!document.getElementById("divider").hidden'));
const at = await page.evaluate(() => { const box = document.getElementById("divider").getBoundingClientRect(); return [box.left + box.width / 2, box.top + 40]; });
await check("that moves the split", once(() => page.drag(at[0], at[1], at[0] + 120, at[1]), async () => is((await settings()).split > 0.55, (await settings()).split)));
// The drag's last place may still be on its way: two equal answers end the wait.
let place = (await settings()).split;
for (let before; before !== place; ) [before, place] = [place, (await pause(300), await settings()).split];
await check("and moves by keys", once(async () => { await page.evaluate('document.getElementById("divider").focus()'); await page.press("ArrowLeft"); }, async () => is((await settings()).split < place, (await settings()).split)));
await shot("split");
await page.evaluate("document.activeElement.blur()");
await check("7 sets the strength", once(() => page.press("7"), async () => is((await settings()).strength === 0.7, await settings())));
const style = (await mixed())[0];
await check("→ takes the next style", once(() => page.press("ArrowRight"), async () => is((await mixed())[0] !== style && (await mixed()).length === 1, await mixed())));
await check("C keeps the camera's colours", once(() => page.press("c"), async () => is((await settings()).keep_color === 1, await settings())));
await check("H hides the panel", press("h", "document.body.classList.contains('wide')"));
await check("and shows it", press("h", "!document.body.classList.contains('wide')"));
await check("/ goes to the search", press("/", 'document.activeElement.id === "search"'));
await page.evaluate("document.activeElement.blur()");
await check("F fills the screen", press("f", "Boolean(document.fullscreenElement)"));
await check("where the picture fits", has('(() => { const a = document.getElementById("painting").getBoundingClientRect(); return a.bottom <= innerHeight + 1 && a.height > 0.8 * innerHeight; })()'));
await check("and back", press("f", "!document.fullscreenElement"));
const saved = (...endings) => readdirSync(files).filter((name) => name.startsWith("impasto-") && endings.some((ending) => name.endsWith(ending)) && statSync(path.join(files, name)).size > 1000);
await check("P saves a picture", once(() => page.press("p"), () => is(saved(".png").length === 1, readdirSync(files))));
await check("a slider moves by keys", once(async () => { await page.evaluate('document.querySelector("[name=strength]").focus()'); await page.press("ArrowRight"); }, async () => is((await settings()).strength > 0.7, await settings())));
await check("arrows move among the styles", once(() => page.evaluate('document.querySelector("#gallery .pick[tabindex=\'0\']").focus()'), press("ArrowRight", 'document.activeElement.closest("li") === document.querySelector("#gallery li:nth-child(2)") || document.activeElement.closest("li")?.matches("li:nth-child(n+2)")')));
await check("Enter paints in it", once(() => page.press("Enter"), async () => is(await page.evaluate('document.activeElement.getAttribute("aria-pressed") === "true"'), await mixed())));
await check("+ mixes", once(async () => { await page.press("ArrowRight"); await page.press("+"); }, async () => is((await mixed()).length === 2, await mixed())));
await page.evaluate("document.activeElement.blur()");
const wanted = ["mirror", "split", "snapshot", "record", "microphone", "fullscreen", "help", "strength", "keep_color", "brush", "steady", "search", "favourites", "renew", "file", "pick", "plus", "star", "more"];
const reached = new Set();
for (let i = 0; i < 60 && wanted.some((name) => !reached.has(name)); i++) {
  await page.press("Tab");
  const name = await page.evaluate('(({ id, name, className, parentElement }) => id || name || className.split?.(" ").at(-1) || parentElement.id)(document.activeElement)');
  reached.add(name);
}
await check("Tab reaches every control", () => is(wanted.every((name) => reached.has(name)), wanted.filter((name) => !reached.has(name))), 0);
await page.evaluate('document.getElementById("more").open = true');
const { nodes } = await page.call("Accessibility.getFullAXTree");
const roles = ["button", "slider", "checkbox", "combobox", "searchbox", "img"];
const nameless = nodes.filter((node) => !node.ignored && roles.includes(node.role?.value) && !node.name?.value);
await check("every control has a name for screen readers", () => is(nameless.length === 0, nameless.map((node) => node.role.value)), 0);
await page.evaluate('document.getElementById("more").open = false');

// --- a reload ---
const kept = await settings();
await api("POST", "/api/settings", JSON.stringify({ strength: 0.2, keep_color: 0.9, split: 0, styles: [] }));
await page.reload();
await check("settings survive a reload, without a token in the address", async () => {
  const now = await settings();
  return is(now.strength === kept.strength && now.styles.length === 2 && now.split === kept.split && now.mirror, now);
});
await api("POST", "/api/settings", JSON.stringify({ split: 0, mirror: false }));

// --- several viewers ---
const second = await browser.page(`${address}&height=360`);
const steers = (of) => has('document.getElementById("watching").hidden && !document.getElementById("controls").disabled', of);
await check("a second viewer sees the painting", async () => bright(await look(second)) > 60);
await check("and does not steer", has('document.getElementById("controls").disabled && !document.getElementById("watching").hidden', second));
await check("until it takes over", once(() => second.click("#take-over"), steers(second)));
await check("from the first", has('document.getElementById("controls").disabled'));
await shot("watching");
await second.close();
await check("which steers again by itself when the second is gone", steers(page));
await check("and says so", notice("steers again"));
await check("and hands its camera in again", async () => is((await state()).camera.name === "browser", (await state()).camera));
const view = await browser.page(address.replace("/?", "/view?"));
await check("/view shows the painting alone", async () => bright(await look(view)) > 60);
await view.close();
const lost = await browser.page(`${origin}/?token=wrong`);
await check("a wrong token is told as what it is", notice("token", lost));
await shot("wrong-token", lost);
await lost.close();
const cookieless = await browser.page("about:blank");
await cookieless.call("Page.addScriptToEvaluateOnNewDocument", { source: 'Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } })' });
await cookieless.go(address);
await browser.call("Storage.clearCookies", { browserContextId: cookieless.context });
await check("without cookies and storage it works all the same", once(async () => { await page.close().catch(() => {}); }, steers(cookieless)));
await cookieless.evaluate("document.activeElement.blur()");
await check("and steers", async () => { await cookieless.press("3"); await pause(500); return is((await settings()).strength === 0.3, await settings()); });
await check("nothing went wrong there", () => is(cookieless.problems.length === 0, cookieless.problems), 1);
await cookieless.close();
const main = await browser.page(`${address}&height=360`, { other: page });
await check("a new page steers", steers(main));

// --- a hidden page ---
const hide = (hidden) => main.evaluate((hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}, hidden);
await hide(true);
await check("a hidden page lets the server rest", async () => {
  const painted = (await stats()).frames_painted;
  await pause(1500);
  return is((await stats()).frames_painted === painted, await stats());
});
await hide(false);
const rested = (await stats()).frames_painted;
await check("and goes on when it is seen again", async () => (await stats()).frames_painted > rested + 3);

// --- recordings ---
const frames = async (count) => { const from = (await stats()).frames_painted; return async () => is((await stats()).frames_painted > from + count, await stats()); };
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
const looked = async (name, file, sound) => {
  const found = probe(file);
  if (!found) return skip(name, "there is no ffprobe");
  const video = found.streams.find((s) => s.codec_type === "video"), audio = found.streams.find((s) => s.codec_type === "audio");
  await check(`${name} plays`, () => is(found.said === "" && Number(video?.nb_read_packets) > 10, found), 0);
  if (!sound) return;
  const heard = beeps(file);
  await check(`${name} has the microphone's beeps`, () => is(Number(audio?.nb_read_packets) > 50 && heard.length >= 2, { audio, heard }), 0);
};
await main.evaluate('document.getElementById("microphone").checked || document.getElementById("microphone").click()');
await main.press("r");
await check("R records in the browser", has('document.getElementById("record").getAttribute("aria-pressed") === "true"', main));
await check("a reload would ask first", has('(() => { const leave = new Event("beforeunload", { cancelable: true }); dispatchEvent(leave); return leave.defaultPrevented; })()', main));
await check("it runs for a while", await frames(20));
await pause(4000);
const film = () => saved(".mp4", ".webm").find((name) => !name.includes("crdownload"));
await check("R saves it", once(() => main.press("r"), () => is(film(), readdirSync(files))));
if (film()) await looked("the browser's recording", path.join(files, film()), true);
await main.evaluate('document.getElementById("microphone").click()');
await api("POST", "/api/record", JSON.stringify({ on: true, file: "silent.mp4" }));
await check("the page tells of a recording on the server", notice("silent.mp4", main));
await check("it runs for a while", await frames(20));
await api("POST", "/api/record", JSON.stringify({ on: false }));
await looked("the server's recording", path.join(files, "silent.mp4"), false);
await api("POST", "/api/record", JSON.stringify({ on: true, file: "sound.mp4", sound: true }));
await check("a recording with sound ticks the box", has('document.getElementById("microphone").checked', main));
await check("it runs for a while", await frames(20));
await pause(5000);
await api("POST", "/api/record", JSON.stringify({ on: false }));
await looked("the server's recording with sound", path.join(files, "sound.mp4"), true);

// --- sizes, shapes and colours ---
const fits = `(() => {
  const box = (id) => document.getElementById(id).getBoundingClientRect();
  const [frame, canvas, dials, gallery, hud] = ["frame", "painting", "dials", "gallery", "hud"].map(box);
  const scale = Math.min(canvas.width / document.getElementById("painting").width, canvas.height / document.getElementById("painting").height);
  const wrong = [];
  if (document.documentElement.scrollWidth > innerWidth || document.documentElement.scrollHeight > innerHeight) wrong.push("the page scrolls");
  if (canvas.bottom > frame.bottom + 1 || canvas.right > frame.right + 1 || frame.bottom > innerHeight + 1) wrong.push("the picture is cut off");
  if (scale * document.getElementById("painting").width < 0.45 * Math.min(innerWidth, innerHeight)) wrong.push("the picture is small");
  if (dials.bottom > innerHeight || dials.top < 0) wrong.push("dials are out of reach");
  if (gallery.bottom > innerHeight + 1 || gallery.height < 90) wrong.push("the styles have no room");
  if (hud.bottom > innerHeight + 1) wrong.push("buttons are out of reach");
  return wrong.join();
})()`;
const SIZES = [[1280, 760, false], [1920, 1080, false], [390, 844, true], [844, 390, true]];
for (const crop of ["", "4:3", "9:16"]) {
  await api("POST", "/api/settings", JSON.stringify({ crop }));
  const [w, h] = crop ? crop.split(":").map(Number) : [16, 9];
  await check(`the canvas has the shape ${w}:${h}`, async () => Math.abs(await main.evaluate("document.getElementById('painting').width / document.getElementById('painting').height") - w / h) < 0.03);
  for (const [width, height, phone] of SIZES) {
    await main.resize(width, height, phone);
    await check(`all of it fits at ${width}x${height}, ${w}:${h}`, async () => { const wrong = await main.evaluate(fits); return wrong === "" || wrong; }, 10);
    for (const scheme of crop ? ["dark"] : ["light", "dark"]) {
      await main.colors(scheme);
      await pause(400);
      await shot(`${width}-${w}x${h}-${scheme}`, main);
    }
  }
}
await api("POST", "/api/settings", JSON.stringify({ crop: "" }));
await main.resize(1280, 760);

// --- deepening ---
await deepening({ check, is, browser, page: main, api, address, shot, files, patience });

// --- faults ---
const permit = (setting) => browser.call("Browser.setPermission", { permission: { name: "camera" }, setting, origin, browserContextId: page.context });
await permit("denied");
await check("a camera that is gone is told", notice("scene drawn by the program", main));
await check("and the demo scene takes its place", async () => is((await state()).camera.name === "demo", (await state()).camera));
await shot("no-camera", main);
await check("the message can be put away", once(() => main.evaluate('document.querySelector("#notices button").click()'), has('document.getElementById("notices").textContent === ""', main)), 10);
await permit("granted");
await check("the camera comes back by itself", async () => is((await state()).camera.name === "browser", (await state()).camera));
server.live.kill("SIGKILL");
await check("a server that is gone is told", notice("trying again", main));
server = await serve({ cwd: files, port: new URL(origin).port });
const painted = async () => (await stats().catch(() => ({}))).frames_painted ?? 0;
await check("and found again when it is back", async () => (await painted()) > 5);
await check("with the settings of before", async () => is((await settings()).styles.length === 2, await settings()));
await main.close();
await check("nobody looking, nothing is painted", async () => { const count = await painted(); await pause(1500); return is((await painted()) === count, await stats()); });
await check("nothing went wrong in the page", () => {
  const problems = [...page.problems, ...main.problems].filter((problem) => !problem.includes("WebSocket"));
  return is(problems.length === 0, problems);
}, 0);

await browser.close();
server.live.kill("SIGTERM");
console.log(failures ? `${failures} failed` : "all is well");
process.exit(failures ? 1 : 0);
