// Uses the page without a server as a person would, in a headless Chromium with a false camera, and checks what comes of it.
//
//   node bench/web/check.mjs [--site FOLDER] [--impasto FILE] [--chromium FILE] [--out FOLDER] [--patience SECONDS] [--soak MINUTES]
//
// Prints a line for each check and writes screenshots. Exit code 1 if one failed. The colours are held against the program, where there is one.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Chromium, pause } from "../live/chromium.mjs";
import { distance, look, tint } from "../live/look.mjs";
import { encodePng, decodePng } from "./png.mjs";
import { host } from "./host.mjs";

const words = process.argv.slice(2);
const option = (name, preset) => { const at = words.indexOf(`--${name}`); return at < 0 ? preset : words[at + 1]; };
const site = path.resolve(option("site", new URL("../../web/dist", import.meta.url).pathname));
const impasto = option("impasto", new URL("../../target/release/impasto", import.meta.url).pathname);
const out = path.resolve(option("out", "out")), patience = Number(option("patience", 60)), soak = Number(option("soak", 0));
if (!existsSync(path.join(site, "index.html"))) { console.log(`skipped: the page: there is no site in ${site}; run web/build.sh`); process.exit(0); }
const files = path.join(out, "files");
rmSync(files, { recursive: true, force: true });
mkdirSync(files, { recursive: true });

let failures = 0;
async function check(what, test, seconds = patience) {
  let found;
  for (const end = Date.now() + 1000 * seconds; ; await pause(100)) {
    found = await Promise.resolve().then(test).catch((why) => why);
    if (found === true) return console.log(`ok     ${what}`);
    if (Date.now() > end) break;
  }
  failures++;
  console.log(`FAILED ${what}: ${found instanceof Error ? found.message : JSON.stringify(found)}`);
}
const is = (holds, found) => Boolean(holds) || found || false;
const skip = (what, why) => console.log(`skipped: ${what}: ${why}`);
const once = (action, test) => { let done; return async () => { done ??= await Promise.resolve(action()).then(() => true); return test(); }; };

let server = await host([site]);
const { origin } = server;
const browser = await Chromium.launch(option("chromium", "/usr/bin/chromium"), ["--use-fake-device-for-media-stream=fps=30"]);
const has = (expression, of = page) => async () => is(await of.evaluate(expression), await of.evaluate("document.getElementById('notices')?.textContent"));
const notice = (text, of = page) => has(`document.getElementById("notices").textContent.includes(${JSON.stringify(text)})`, of);
const bright = (pixels) => Math.max(...pixels.filter((_, i) => i % 4 < 3));
const shot = (name, of = page) => of.screenshot(path.join(out, `${name}.png`));
const figures = 'document.getElementById("figures").textContent';
const engines = readdirSync(site).filter((name) => name.endsWith(".wasm"));

// --- the first visit ------------------------------------------------------------------------------------------
const opened = Date.now();
const page = await browser.page(`${origin}/`);
await browser.call("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: files, browserContextId: page.context });
await check("the canvas is painted", async () => is(bright(await look(page)) > 60, await page.evaluate('document.getElementById("notices").textContent')));
console.log(`       ${Date.now() - opened} ms after the address was opened, with everything to load and to compile`);
await check("the camera is painted, and figures stand below", has(`${figures}.includes("frames/s") && document.getElementById("camera").options.length > 1`));
const first = await look(page);
await check("it moves", async () => distance(first, await look(page)) > 0.5);
await check("the page is isolated, without a word from the host", has("crossOriginIsolated"));
await check("it says what paints", has('document.getElementById("engine").textContent.includes("WebAssembly")'));
console.log(`       ${await page.evaluate('document.getElementById("engine").textContent')} ${await page.evaluate(figures)}`);
if (engines.some((name) => name.includes("threads"))) await check("threads paint", has('/[2-9] threads/.test(document.getElementById("engine").textContent)'));
else skip("threads", "this site has no file with threads");
await check("small paintings are shown", has('document.querySelector("#gallery .result").naturalWidth > 0'));
await check("it says that nothing leaves the device", has('document.getElementById("more").textContent.includes("Nothing leaves this device")'));
await shot("desktop");

// --- styles and dials -----------------------------------------------------------------------------------------
const settings = () => page.evaluate('JSON.parse(localStorage.getItem("impasto.settings"))');
const card = (n) => `#gallery li:nth-child(${n})`;
let before = await tint(page);
await check("a tap paints in another style", once(() => page.click(`${card(3)} .pick`), async () => is(distance(before, await tint(page)) > 4, [before, await tint(page)])));
await check("plus mixes", once(() => page.click(`${card(5)} .plus`), has('document.querySelectorAll("#mix input").length === 2')));
await check("keys work", once(() => page.evaluate("document.activeElement.blur()").then(() => page.press("s")), async () => is((await settings()).split === 0.5, await settings())));
await shot("split");
await page.press("s");
const drop = (selector, name, type, base64) => page.evaluate(async (selector, name, type, base64) => {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)), transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  document.querySelector(selector).dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}, selector, name, type, base64.toString("base64"));
const stripes = encodePng(256, 256, (x, y) => [255 * ((x >> 5) & 1), (y * 7) & 255, 255 * ((y >> 5) & 1)]);
before = await tint(page);
await check("a painting dropped on the styles becomes one", once(() => drop("#gallery", "stripes.png", "image/png", stripes),
  async () => is((await settings()).styles[0].id === "stripes" && distance(before, await tint(page)) > 4, [await settings(), await page.evaluate('document.getElementById("notices").textContent')])));
await check("with its painting on its card", has('document.querySelector("#gallery .source")?.naturalWidth > 0'));
const saved = (ending) => readdirSync(files).filter((name) => name.endsWith(ending) && statSync(path.join(files, name)).size > 500);
await page.evaluate('document.getElementById("more").open = true');
await check("the mix is saved as a .style file", once(() => page.click("#save-style"), () => is(saved(".style").length === 1, readdirSync(files))));
await check("which can be dropped again", once(() => drop("#gallery", "mine.style", "", readFileSync(path.join(files, saved(".style")[0]))), async () => is(/^stripes-\d/.test((await settings()).styles[0].id), await settings())));
await check("a file that is no style is refused with words", once(() => drop("#gallery", "bad.style", "", Buffer.from("no style")), has('document.getElementById("notices").textContent.length > 10')));
await check("a picture that cannot be read too", once(() => drop("#stage", "bad.png", "image/png", Buffer.from("no picture")), notice("is no picture that this browser can read")));
await check("P saves a picture", once(() => page.evaluate("document.activeElement.blur()").then(() => page.press("p")), () => is(saved(".png").length === 1, readdirSync(files))));

// --- a photo, against the program -----------------------------------------------------------------------------
const [width, height] = [512, 288];
const photo = encodePng(width, height, (x, y) => [Math.round(127 + 120 * Math.sin(x / 17 + y / 40)), Math.round(127 + 120 * Math.sin(y / 13)), Math.round(255 * x / width)]);
const canvasPng = async () => Buffer.from(await page.evaluate('document.getElementById("painting").toDataURL("image/png").split(",")[1]'), "base64");
await page.click(`${card(1)} .pick`);
// The program paints in the page's own style file: its built-in styles are tuned, the page's are not.
await check("the style is saved", once(() => page.click("#save-style"), () => is(saved(".style").length === 2, readdirSync(files))));
const style = path.join(files, saved(".style").find((name) => name.startsWith("starry-night")) ?? "none");
await check("a photo dropped on the painting is painted", once(() => drop("#stage", "photo.png", "image/png", photo),
  async () => is(await page.evaluate(`document.getElementById("painting").width === ${width} && document.getElementById("painting").height === ${height}`), await page.evaluate('document.getElementById("notices").textContent'))));
await pause(1500);
if (existsSync(impasto)) {
  const [photoFile, native] = [path.join(out, "photo.png"), path.join(out, "native.png")];
  writeFileSync(photoFile, photo);
  rmSync(native, { force: true });
  const run = spawnSync(impasto, ["stylize", photoFile, "--style", style, "--engine", "cpu", "-o", native], { encoding: "utf8" });
  const expected = existsSync(native) ? decodePng(readFileSync(native)) : null;
  const worst = (a, b) => { let most = 0; for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i] - b[i])); return most; };
  let found;
  await check("its colours are the program's within 2 of 255", async () => {
    if (!expected) return run.stderr;
    found = decodePng(await canvasPng());
    return is(found.rgb.length === expected.rgb.length && worst(found.rgb, expected.rgb) <= 2, `worst ${worst(found.rgb, expected.rgb)} of 255`);
  }, 10);
  if (found && expected) console.log(`       worst ${worst(found.rgb, expected.rgb)} of 255`);
} else skip("colours against the program", `there is no ${impasto}`);
before = await tint(page);
await check("the photo follows its dials", once(() => page.press("3"), async () => is((await settings()).strength === 0.3 && distance(before, await tint(page)) > 1, [before, await tint(page)])));
await shot("photo");
await page.press("0");

// --- a film ---------------------------------------------------------------------------------------------------
const film = path.join(out, "film.mp4");
const made = spawnSync("ffmpeg", ["-y", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=4", "-f", "lavfi", "-i", "sine=frequency=440:duration=4", "-pix_fmt", "yuv420p", film]);
if (made.status === 0) {
  await check("a film plays painted", once(() => drop("#stage", "film.mp4", "video/mp4", readFileSync(film)), async () => is(await page.evaluate('document.getElementById("painting").width === 320 && document.getElementById("camera").value === "file"'), await page.evaluate('document.getElementById("notices").textContent'))));
  const one = await look(page);
  await check("and moves", async () => distance(one, await look(page)) > 0.5);
  await page.press("r");
  await pause(4000);
  await page.press("r");
  await check("it is recorded", () => is(saved(".mp4").concat(saved(".webm")).length === 1, readdirSync(files)));
  const [recording] = saved(".mp4").concat(saved(".webm"));
  const streams = spawnSync("ffprobe", ["-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", path.join(files, recording ?? "none")], { encoding: "utf8" }).stdout;
  await check("with its sound", () => is(streams.includes("video") && streams.includes("audio"), streams), 0);
} else skip("films", "there is no ffmpeg");
await check("back to the camera", once(() => page.evaluate('(() => { const box = document.getElementById("camera"); box.value = box.options[0].value; box.dispatchEvent(new Event("change")); })()'), has('document.getElementById("painting").width > 400')));

// --- links, phones, accessibility -----------------------------------------------------------------------------
const link = `${origin}/#${encodeURIComponent(JSON.stringify({ styles: [{ id: "waves", weight: 1 }], strength: 0.4 }))}`;
const linked = await browser.page(link);
await check("a link carries settings", async () => is(await linked.evaluate('document.querySelector("[name=strength]").value') === "0.4" && await linked.evaluate('document.querySelector("#gallery [data-id=waves] .pick").getAttribute("aria-pressed") === "true"'), await linked.evaluate('document.getElementById("notices").textContent')));
await linked.close();
await page.evaluate('document.getElementById("more").open = true');
const { nodes } = await page.call("Accessibility.getFullAXTree");
const roles = ["button", "slider", "checkbox", "combobox", "searchbox", "img"];
const nameless = nodes.filter((node) => !node.ignored && roles.includes(node.role?.value) && !node.name?.value);
await check("every control has a name for screen readers", () => is(nameless.length === 0, nameless.map((node) => node.role.value)), 0);
await page.evaluate('document.getElementById("more").open = false');
await page.resize(390, 844, true);
await pause(1000);
await shot("phone");
await check("nothing is cut off on a phone", has("document.documentElement.scrollWidth <= innerWidth"));
await page.resize(844, 390, true);
await pause(500);
await shot("phone-on-its-side");
await page.resize(1280, 760);

// --- one thread, no camera, no network -------------------------------------------------------------------------
const alone = await browser.page(`${origin}/?threads=1&relaxed=0`, { other: page });
if (engines.includes("impasto.wasm")) {
  await check("one thread paints too", has(`${figures}.includes("frames/s") && document.getElementById("engine").textContent.includes("1 thread")`, alone));
  console.log(`       ${await alone.evaluate('document.getElementById("engine").textContent')} ${await alone.evaluate(figures)}`);
} else skip("one thread without relaxed SIMD", "this site has no impasto.wasm");
await alone.close();
await check("what is needed without a network is kept", has(`(async () => { const names = await caches.keys(); if (names.length !== 1) return false; const urls = (await (await caches.open(names[0])).keys()).map(({ url }) => url); return urls.some((url) => url.endsWith(".wasm")) && urls.some((url) => url.endsWith("light.safetensors")) && urls.some((url) => url.endsWith("/")); })()`));
await server.close();
await page.reload();
await check("it paints without a network", async () => is(bright(await look(page)) > 60 && (await page.evaluate(figures)).includes("frames/s"), await page.evaluate('document.getElementById("notices").textContent')));
await shot("offline");

// --- a long run ------------------------------------------------------------------------------------------------
if (soak) {
  const heap = async () => (await page.call("Runtime.getHeapUsage")).usedSize / 2 ** 20;
  const sizes = [];
  for (let minute = 0; minute <= soak; minute++) { sizes.push(await heap()); await pause(60000); }
  console.log(`       page's heap in MiB each minute: ${sizes.map((size) => size.toFixed(1)).join(" ")}; ${await page.evaluate(figures)}`);
  const half = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
  await check("the heap does not grow", () => is(half(sizes.slice(sizes.length >> 1)) < 1.3 * half(sizes.slice(0, sizes.length >> 1)) + 2, sizes), 0);
}
await check("nothing went wrong in the page", () => is(page.problems.filter((what) => !/Failed to load resource/.test(what)).length === 0, page.problems), 0);
await browser.close();
console.log(failures ? `${failures} checks failed` : "all is well");
process.exit(failures ? 1 : 0);
