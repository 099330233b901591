// The painter behind the page: a worker of this browser, in the place of the program `impasto live`. Exports what the live page's server.js does.

import { paintFilm } from "./film.js";
import { imageOf, photoOf } from "./pictures.js";
import { sharedSettings, shareLink } from "./share.js";
import { tell } from "./notices.js";
import { save } from "./recorder.js";

const query = new URLSearchParams(location.search);
export const parameter = (name, preset) => query.get(name) ?? preset;
// The camera's height, and no JPEG: frames stay in this browser.
export const home = { cameraHeight: 480, jpeg: false };

const FIRST_STYLE = "starry-night";
// The setting `resolution` that keeps a film's own size.
const WHOLE = 1080;
// Shorter side in px from which on a dropped painting is made smaller before it is handed in, and the longest side of a photo.
const STYLE_PX = 1024, PHOTO_PX = Number(parameter("photo", matchMedia("(pointer: coarse)").matches ? 1600 : 2560));

// --- the worker -----------------------------------------------------------------------------------------------

let worker, engine, state, asked = 0, listener = null;
const waiting = new Map();

// Asks the engine (request.rs); `bytes` is handed over.
export async function ask(request, bytes) {
  await ready;
  return post({ request, bytes }, bytes ? [bytes] : []);
}

function post(message, handed = []) {
  const id = ++asked;
  worker.postMessage({ id, ...message }, handed);
  return new Promise((done, failed) => waiting.set(id, { done, failed }));
}

function heard({ data }) {
  const { id, json, bytes, error } = data;
  if (id !== undefined) {
    const { done, failed } = waiting.get(id);
    waiting.delete(id);
    return error ? failed(new Error(error)) : done({ json, bytes });
  }
  if (data.painted) {
    tell("painter", "");
    listener?.message(bytes.buffer);
  }
  if (data.taken) say({ taken: data.taken });
  if (data.failed) tell("painter", sentence(data.failed), true);
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;
const say = (message) => listener?.message(JSON.stringify(message));

// How many threads paint: one processor is left to the page and the camera where there are many.
function threads() {
  const processors = navigator.hardwareConcurrency || 1;
  return Number(parameter("threads", Math.max(1, Math.min(processors > 3 ? processors - 1 : processors, 8))));
}

async function start() {
  if (typeof WebAssembly !== "object") throw new Error("this browser has no WebAssembly; take a newer one, or the program `impasto`");
  await isolated();
  worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  worker.onmessage = heard;
  const fell = new Promise((_, failed) => { worker.onerror = ({ message }) => failed(new Error(`the painter does not start (${message ?? "its file cannot be loaded"}); reload the page`)); });
  const how = { threads: threads(), relaxed: parameter("relaxed", "1") !== "0", base: new URL(".", import.meta.url).href };
  const { json } = await Promise.race([post({ start: how }), fell]);
  engine = json;
  const styles = [{ id: json.state.styles.some(({ id }) => id === FIRST_STYLE) ? FIRST_STYLE : json.state.styles[0].id, weight: 1 }];
  await post({ request: { settings: { styles } } });
  navigator.serviceWorker?.ready.then(({ active }) => active.postMessage({ keep: [new URL(json.file, how.base).href] })).catch(() => {});
}

// Threads need headers that plain hosts do not send: a service worker adds them, from the next load on. So the page is loaded once more, the first time.
async function isolated() {
  if (!("serviceWorker" in navigator)) return;
  const registered = navigator.serviceWorker.register(new URL("sw.js", import.meta.url)).catch(() => null);
  if (globalThis.crossOriginIsolated || threads() === 1 || navigator.serviceWorker.controller) return;
  const registration = await registered;
  // One that is active and does not answer for this page was passed over: the person has asked for a fresh page.
  if (!registration || (registration.active && !navigator.serviceWorker.controller)) return;
  await Promise.race([new Promise((done) => navigator.serviceWorker.addEventListener("controllerchange", done)), new Promise((done) => setTimeout(done, 3000))]);
  if (!navigator.serviceWorker.controller) return;
  location.reload();
  await new Promise(() => {});
}

const ready = start();

// --- what the live page's API does ----------------------------------------------------------------------------

async function renew() {
  state = (await ask("state")).json;
  tellState();
}

function tellState() {
  if (!state || !listener) return;
  const camera = { name: "browser", error: null, browser: true, paints: false };
  say({ you: { steering: true, wanted: true }, state: { ...state, engine: engineName(), started_ms: performance.timeOrigin, camera, recording: null, recording_sound: false, troubles: {} } });
}

function engineName() {
  const how = [engine.relaxed ? "relaxed SIMD" : "SIMD", engine.threads > 1 ? `${engine.threads} threads` : "1 thread"];
  return `WebAssembly (${how.join(", ")})`;
}

export async function call(method, path, body) {
  const { pathname, searchParams } = new URL(path, location.origin);
  if (pathname === "/api/settings") {
    const { json } = await ask({ settings: JSON.parse(body) });
    state = { ...state, settings: json };
    tellState();
    return json;
  }
  const [, id] = /^\/api\/styles\/([^/]+)$/.exec(pathname) ?? [];
  if (method === "DELETE" && id) {
    await ask({ remove: { id } });
    return renew();
  }
  if (method === "POST" && pathname === "/api/styles") {
    const { json } = await addStyle(body, searchParams.get("name"));
    await renew();
    return json;
  }
  throw new Error(`nothing answers ${method} ${path} here`);
}

async function addStyle(file, name) {
  if (name.endsWith(".style")) return ask("style_file", await file.arrayBuffer());
  const { width, height, pixels } = await imageOf(file, (width, height) => Math.min(1, STYLE_PX / Math.min(width, height)));
  return ask({ painting: { name, width, height } }, pixels.buffer);
}

// The address of a file that only a server has: no style is deepened here, so nothing asks for one.
export const address = (path) => path;

// Shows a picture of the API, once it is seen.
export function picture(image, path, parts = {}) {
  image.dataset.path = path;
  image.dataset.camera = parts.of === "camera" ? parts.v : "";
  image.dataset.due = "";
  seen.unobserve(image);
  seen.observe(image);
}

const seen = new IntersectionObserver((entries) => entries.filter(({ isIntersecting }) => isIntersecting).forEach(({ target }) => load(target)), { rootMargin: "80px" });

async function load(image) {
  if (!("due" in image.dataset)) return;
  delete image.dataset.due;
  const [, id, kind] = /^\/api\/styles\/([^/]+)\/(\w+)\.jpg$/.exec(image.dataset.path);
  const request = kind === "thumb" ? { thumb: { id, of_camera: image.dataset.camera !== "" } } : { small_painting: { id } };
  const { bytes } = await ask(request).catch(() => ({}));
  if (!bytes) return;
  const before = image.src;
  image.src = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
  if (before.startsWith("blob:")) URL.revokeObjectURL(before);
}

// The worker, as the live page's socket.
export class Line {
  #open = false; #resting = false;

  constructor(on) {
    listener = on;
    ready.then(() => this.#opened(on), (why) => on.closed(0, sentence(why.message)));
  }

  async #opened(on) {
    this.#open = true;
    on.open();
    await renew();
    setInterval(async () => { if (!this.#resting) say({ stats: (await ask("stats")).json }); }, 1000);
  }

  get isOpen() { return this.#open; }

  // A frame's message, or a photo.
  send(message) {
    if (!this.#open) return;
    if (message instanceof ArrayBuffer) worker.postMessage({ frame: message, number: new DataView(message).getUint32(8, true) }, [message]);
    else worker.postMessage(message, message.photo ? [message.photo.pixels.buffer] : []);
  }

  say(message) {
    if (!this.#open) return;
    if ("rest" in message) this.#resting = message.rest;
    if ("rest" in message || "shown" in message) worker.postMessage(message);
  }
}

// --- what the page can do because it is alone -----------------------------------------------------------------

export const alone = {
  // A photo as something that hands in frames, as a camera does.
  async photo(file) {
    const { width, height, pixels } = await photoOf(file, PHOTO_PX);
    return { width, height, pixels };
  },
  settings: () => sharedSettings(location.hash),
  async link(settings) {
    const link = shareLink(location.href, settings, state.styles);
    await navigator.clipboard.writeText(link);
    return link;
  },
  async saveStyle(name) {
    const { bytes } = await ask({ mix: { name } });
    save(new Blob([bytes], { type: "application/octet-stream" }), `${name}.style`);
  },
  // Paints a film into a file at its own size, as the settings are; `progress(done, all, message)` for each frame.
  async film(file, progress, signal) {
    const { resolution } = state.settings;
    worker.postMessage({ rest: true });
    try {
      await ask("cut");
      await ask({ settings: { resolution: WHOLE } });
      const paint = async (message) => (await ask("frame", message)).bytes.buffer;
      save(await paintFilm(file, paint, progress, signal), `${file.name.replace(/\.[^.]*$/, "")}-painted.mp4`);
    } finally {
      await ask({ settings: { resolution } });
      await ask("cut");
      worker.postMessage({ rest: document.hidden });
    }
  },
};
