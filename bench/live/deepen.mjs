// *Deepen* on the live page, as a person uses it, in a real headless Chromium; a part of check.mjs, and a script of its own:
//
//   node bench/live/deepen.mjs [--impasto FILE] [--chromium FILE] [--out FOLDER] [--patience SECONDS]
//
// Training goes on beside painting, so on a busy machine each step takes a while; the patience is for one wait.

import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Chromium, pause } from "./chromium.mjs";
import { dropPicture } from "./look.mjs";
import { chromium, option, serve } from "./server.mjs";

// `tools` has `check(what, test, seconds)`, `is(holds, found)`, `browser`, `page` (which steers), `api`, `address`, `shot(name, page)`, and `files`, where
// downloads go.
export async function deepening({ check, is, browser, page, api, address, shot, files, patience }) {
  const state = () => api("GET", "/api/state"), status = (id) => api("GET", `/api/styles/${id}/deepen`);
  const line = (of = page) => of.evaluate('(({ hidden, innerText }) => (hidden ? null : innerText))(document.getElementById("deepen"))');
  const buttons = (of = page) => of.evaluate('[...document.querySelectorAll("#deepen .row > *")].map(({ textContent }) => textContent).join()');
  const press = (name, of = page) => of.evaluate((name) => [...document.querySelectorAll("#deepen .row > *")].find(({ textContent }) => textContent === name)?.click(), name);
  const ring = (id, of = page) => of.evaluate((id) => (({ dataset, style }) => [dataset.deepen, +style.getPropertyValue("--part")])(document.querySelector(`#gallery li[data-id="${id}"]`)), id);
  const rate = async (seconds) => { const { frames_painted: first } = await api("GET", "/api/stats"); await pause(1000 * seconds); return ((await api("GET", "/api/stats")).frames_painted - first) / seconds; };

  await api("POST", "/api/settings", JSON.stringify({ styles: [{ id: (await state()).styles.find(({ deepens, tuned }) => !deepens && !tuned)?.id ?? (await state()).styles[0].id }] }));
  await check("a built-in style without its picture asks for one", async () => is((await buttons()).includes("Add its picture") || (await line())?.includes("network of its own"), await line()));
  await dropPicture(page);
  let id;
  await check("a dropped painting offers to be deepened", async () => { id = (await state()).styles.at(-1).id; return is((await buttons()) === "Deepen" && (await state()).settings.styles[0].id === id, await line()); });
  await shot("deepen-offer", page);
  await api("POST", "/api/settings", JSON.stringify({ resolution: 270 }));
  await pause(3000);
  const before = await rate(6);
  await press("Deepen");
  await check("it learns, and says that frames are never written", async () => { const text = await line(); return is(text?.includes("Learning") && text.includes("never written"), text); });
  const during = await rate(6);
  console.log(`       ${before.toFixed(1)} frames/s before, ${during.toFixed(1)} while it learns (${(100 * during / before - 100).toFixed(0)} %)`);
  await check("better weights come, or the page says that the machine has nothing to spare", async () => { const { deepened, slow } = await status(id); return is(deepened || (slow && (await line()).includes("little to spare")), await status(id)); });
  if (!(await status(id)).deepened) await check("at full speed the picture rests", async () => { await press("Full speed"); return is((await status(id)).rest && (await line()).includes("rests"), await line()); });
  await check("better weights come", async () => { const { deepened, steps } = await status(id); return is(deepened && steps > 0, await status(id)); }, 2 * patience);
  await check("it learns on the camera's frames", async () => is((await status(id)).frames > 0, await status(id)));
  await api("POST", "/api/settings", JSON.stringify({ resolution: 0 }));
  await check("a ring on its card shows how far it is", async () => { const [phase, part] = await ring(id); return is(phase === "learning" && part > 0, [phase, part]); });
  await shot("deepen-learning", page);
  for (const [width, height, phone] of [[390, 844, true], [844, 390, true]]) {
    await page.resize(width, height, phone);
    await pause(600);
    await shot(`deepen-${width}`, page);
    await check(`the line fits at ${width}x${height}`, () => page.evaluate('(() => { const { left, right, bottom } = document.getElementById("deepen").getBoundingClientRect(); return left >= 0 && right <= innerWidth && bottom <= innerHeight && document.documentElement.scrollWidth <= innerWidth; })()'), 10);
  }
  await page.resize(1280, 760);
  const second = await browser.page(`${address}&height=360`, { other: page });
  await check("a second viewer sees it and has no buttons", async () => is((await line(second))?.includes("Learning") && !(await buttons(second)), [await line(second), await buttons(second)]));
  await second.close();
  const other = (await state()).styles[2].id;
  await api("POST", "/api/settings", JSON.stringify({ styles: [{ id: other, weight: 1 }] }));
  await check("while another style is painted, it goes on", async () => { const { steps } = await status(id); await pause(3000); const [phase] = await ring(id); return is((await status(id)).steps > steps && phase === "learning", await status(id)); }, patience);
  await api("POST", "/api/settings", JSON.stringify({ styles: [{ id, weight: 1 }] }));
  await check("at full speed the picture rests", async () => { if ((await buttons()).includes("Full speed")) await press("Full speed"); return is((await status(id)).rest && (await line()).includes("rests"), await line()); });
  await shot("deepen-rests", page);
  await check("and paints on when told to", async () => { if ((await buttons()).includes("Paint on")) await press("Paint on"); return is((await status(id)).phase !== "learning" || !(await status(id)).rest, await line()); });
  await check("it stops, and keeps what it has", async () => { if ((await buttons()).includes("Stop")) await press("Stop"); const { phase, deepened } = await status(id); return is((phase === "stopped" || phase === "done") && deepened, await status(id)); });
  await check("the line says so", async () => is((await buttons()).includes("Undo,Save"), [await line(), await buttons()]));
  await shot("deepen-stopped", page);
  const saved = () => readdirSync(files).find((name) => name.endsWith(".style"));
  await check("Save downloads the style's file", async () => { if (!saved()) { await press("Save"); await pause(1000); } const size = saved() ? statSync(path.join(files, saved())).size : 0; return is(size > 100_000 && size < 300_000, [saved(), size]); });
  if ((await status(id)).phase === "stopped") {
    const { steps } = await status(id);
    await check("it goes on where it was", async () => { if ((await buttons()).includes("Go on")) await press("Go on"); const now = await status(id); return is(now.phase === "done" || now.steps > steps, now); }, patience);
    await page.reload();
    await check("a reload changes nothing of it", async () => is((await line())?.includes("Learning") || (await status(id)).phase === "done", await line()));
  }
  await check("Undo goes back to the quick version", async () => { if ((await buttons()).includes("Undo")) await press("Undo"); const { phase, deepened } = await status(id); return is(phase === "quick" && !deepened && (await buttons()) === "Deepen", [await status(id), await buttons()]); });
  await api("DELETE", `/api/styles/${id}`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const out = path.resolve(option("out", "out")), patience = Number(option("patience", 120)), files = path.join(out, "files");
  rmSync(files, { recursive: true, force: true });
  mkdirSync(files, { recursive: true });
  let failures = 0;
  const check = async (what, test, seconds = patience) => {
    let found;
    for (const end = Date.now() + 1000 * seconds; ; await pause(200)) {
      found = await Promise.resolve().then(test).catch((why) => why);
      if (found === true) return console.log(`ok     ${what}`);
      if (Date.now() > end) break;
    }
    failures++;
    console.log(`FAILED ${what}: ${found instanceof Error ? found.message : JSON.stringify(found)}`);
  };
  const { live, api, address } = await serve({ cwd: files });
  const browser = await Chromium.launch(chromium, ["--use-fake-device-for-media-stream=fps=30"]);
  const page = await browser.page(`${address}&height=360`);
  await browser.call("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: files, browserContextId: page.context });
  await check("the page paints", async () => (await api("GET", "/api/stats")).frames_painted > 5);
  const is = (holds, found) => Boolean(holds) || found || false;
  const shot = (name, of) => of.screenshot(path.join(out, `${name}.png`));
  await deepening({ check, is, browser, page, api, address, shot, files, patience });
  await check("nothing went wrong in the page", () => is(page.problems.length === 0, page.problems), 0);
  await browser.close();
  live.kill("SIGTERM");
  console.log(failures ? `${failures} failed` : "all is well");
  process.exit(failures ? 1 : 0);
}
