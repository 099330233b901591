// The page: one socket, one camera, and dials that follow the server's state.

import { BrowserCamera, latencyMs, show, wireFormat } from "/frames.js";
import { Microphone } from "/sound.js";

const query = new URLSearchParams(location.search);
const token = query.get("token") ?? "";
// Height in px that the camera is asked for: `&height=360` in the address.
const cameraHeight = Number(query.get("height") ?? 720);
const clean = document.body.classList.contains("clean");
const $ = (id) => document.getElementById(id);
const canvas = $("painting");
const SETTINGS_KEY = "impasto.settings";
const LOOK_KEY = "impasto.look";

let socket, camera, state = { styles: [], settings: null, camera: {} }, steering = false, wantsCamera = null;
const look = { mirror: false, split: false, at: 50, camera: "", ...JSON.parse(localStorage.getItem(LOOK_KEY) ?? "{}") };

async function call(method, path, body, type = "application/json") {
  const answer = await fetch(path, { method, body, headers: { "x-impasto-token": token, "content-type": type } });
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const { error } = await answer.json().catch(() => ({ error: answer.statusText }));
  throw new Error(error);
}

let noticeTimer;
function notice(text, lasting = false) {
  if (clean) return;
  clearTimeout(noticeTimer);
  $("notice").textContent = text;
  $("notice").hidden = !text;
  if (text && !lasting) noticeTimer = setTimeout(() => notice(""), 5000);
}

// --- the socket -----------------------------------------------------------------------------------------------

let wait = 300;
function connect() {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws?token=${token}`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    wait = 300;
    notice("");
    socket.send(JSON.stringify({ hello: { format: wireFormat, steer: !clean } }));
  };
  socket.onmessage = ({ data }) => (typeof data === "string" ? heard(JSON.parse(data)) : painted(data));
  socket.onclose = ({ reason }) => {
    notice(reason || "The program does not answer; trying again …", true);
    inFlight = false;
    setTimeout(connect, wait);
    wait = Math.min(2 * wait, 4000);
  };
}

const send = (message) => socket.readyState === WebSocket.OPEN && socket.send(message);

function heard({ state: news, you, stats, taken: frame }) {
  if (frame) return taken(frame);
  if (you) steering = you.steering;
  if (clean) return;
  if (news) {
    // A server that has just been started, or is new to this page, gets what was set here.
    const known = state.started_ms === news.started_ms;
    state = news;
    if (!known && steering) restore();
    render();
    tellOfCamera();
    useCamera();
    if (state.recording_sound && !soundWanted) $("microphone").checked = true;
    soundWanted = state.recording_sound;
    useMicrophone();
  }
  if (stats) figures(stats);
}

async function painted(buffer) {
  let head;
  try {
    head = await show(buffer, canvas);
  } catch (why) {
    notice(`This browser cannot show the picture: ${why.message}`);
  }
  if (head) send(JSON.stringify({ shown: { sequence: head.sequence, latency_ms: latencyMs(head) } }));
  if (!clean) placeDivider();
  if (head && look.split) showOriginal(head.sequence);
}

// In split view: the frames that were handed in and have not come back, to be shown beside their own painting.
const originals = new Map();
function showOriginal(sequence) {
  const message = originals.get(sequence);
  for (const known of originals.keys()) if (known <= sequence) originals.delete(known);
  if (message) show(message, $("original")).catch(() => {});
}

// Hands the newest camera frame in when the painter has taken the last and will soon want another: nothing queues. A frame takes LEAD_MS to get
// there, so it leaves by that much before it is wanted.
const LEAD_MS = 12;
let inFlight = false, lastSent = 0, notBefore = 0, giving = 0;
function taken({ sequence, free_in_ms }) {
  if (sequence !== camera?.given) return;
  inFlight = false;
  notBefore = document.hidden ? 0 : performance.now() + free_in_ms - LEAD_MS;
  give();
}

async function give() {
  if (!camera || !steering || inFlight || socket.readyState !== WebSocket.OPEN) return;
  clearTimeout(giving);
  const early = notBefore - performance.now();
  if (early > 1) {
    giving = setTimeout(give, early);
    return;
  }
  inFlight = true;
  const message = await camera.take().catch(() => null);
  if (!message) {
    inFlight = false;
    return;
  }
  lastSent = performance.now();
  if (look.split) originals.set(camera.given, message);
  send(message);
}
setInterval(() => {
  // A frame that was never taken (it was overtaken, or painting failed) does not stop the camera.
  if (inFlight && performance.now() - lastSent > 1500) inFlight = false;
  give();
}, 100);

// --- cameras --------------------------------------------------------------------------------------------------

async function useCamera() {
  const wanted = steering && state.camera.browser && look.camera !== "own" ? look.camera || "default" : null;
  if (wanted === wantsCamera) return;
  wantsCamera = wanted;
  camera?.stop();
  camera = null;
  if (wanted === null) return;
  try {
    const opened = await BrowserCamera.open(wanted === "default" ? "" : wanted, cameraHeight);
    if (wantsCamera !== wanted) return opened.stop();
    camera = opened;
    camera.onFrame(give);
    camera.onEnded(() => lost("The camera is gone; plug it in again."));
    notice("");
    listCameras();
  } catch (why) {
    const words = {
      NotAllowedError: "The browser was not allowed to use the camera.", NotFoundError: "This browser has no camera.",
      TypeError: "Browsers give cameras to pages of 127.0.0.1 or HTTPS only.",
    };
    lost(words[why.name] ?? `The camera cannot be used: ${why.message}.`);
  }
}

// Says it, and looks again when a camera is plugged in, or after a while.
let retry;
function lost(why) {
  notice(state.camera.name === "demo" || state.camera.name === "browser" ? `${why} Here is a scene drawn by the program.` : why);
  camera?.stop();
  camera = null;
  clearTimeout(retry);
  retry = setTimeout(() => { wantsCamera = null; useCamera(); }, 5000);
}

async function listCameras() {
  const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => []) ?? []).filter((d) => d.kind === "videoinput");
  const options = devices.map((d, i) => new Option(d.label || `Camera ${i + 1}`, d.deviceId));
  const name = state.camera.browser ? "demo scene" : state.camera.name;
  const browser = options.length ? options : [new Option("the browser's camera", "")];
  $("camera").replaceChildren(...(state.camera.browser ? browser : []), new Option(name, "own"));
  if (look.camera) $("camera").value = look.camera;
}

// A recording of the server that wants sound gets it from the page that steers, for as long as the box is ticked.
let soundWanted = false, listening = false, microphone;
async function useMicrophone() {
  const wanted = steering && state.recording_sound && $("microphone").checked;
  if (Boolean(wanted) === listening) return;
  listening = Boolean(wanted);
  microphone?.close();
  microphone = undefined;
  if (!wanted) return;
  try {
    const opened = await Microphone.open(send);
    if (listening && !microphone) microphone = opened;
    else opened.close();
  } catch (why) {
    $("microphone").checked = listening = false;
    notice(`The recording has no sound: ${why.name === "NotAllowedError" ? "the browser was not allowed to use the microphone" : why.message}.`);
  }
}

// --- what is seen ---------------------------------------------------------------------------------------------

function figures(stats) {
  const ms = (value) => (value == null ? "–" : `${Math.round(value)} ms`);
  $("figures").textContent = stats.frames_painted
    ? `${stats.fps.toFixed(1)} frames/s · latency ${ms(stats.latency_p50_ms)} (95 %: ${ms(stats.latency_p95_ms)}) · painted at ` +
      `${stats.working_width}×${stats.working_height} · ${state.engine}`
    : "waiting for the first frame";
  if (stats.error) notice(stats.error);
  tellOfCamera();
}

// A trouble with the program's camera stands there for as long as it lasts.
let cameraTold = false;
function tellOfCamera() {
  const { error } = state.camera;
  if (error) notice(`${error}. Trying again …`, true);
  else if (cameraTold) notice("");
  cameraTold = Boolean(error);
}

function render() {
  const { settings } = state;
  $("controls").disabled = !steering;
  $("take-over").hidden = steering;
  const chosen = new Map(settings.styles.map((s) => [s.id, s.weight]));
  const items = state.styles.map((style, i) => swatch(style, chosen.has(style.id), i));
  if (!settings.styles.length && items[0]) items[0].tabIndex = 0;
  const focused = document.activeElement?.dataset?.id;
  $("gallery").replaceChildren(...items);
  if (focused) items.find((item) => item.dataset.id === focused)?.focus();
  renderMix(settings.styles);
  for (const input of document.querySelectorAll("#dials [name]")) {
    if (document.activeElement !== input || input.tagName === "SELECT") input.value = settings[input.name];
    input.disabled = state.camera.paints;
    const output = input.parentElement.querySelector("output");
    if (output) output.value = input.name === "brush" ? `${(+input.value).toFixed(1)}×` : `${Math.round(input.value * 100)} %`;
  }
  $("recording").textContent = state.recording ? `Recording into ${state.recording}${state.recording_sound ? ", with this page's microphone" : ""}.` : "";
  $("painted-there").hidden = !state.camera.paints;
  $("record").setAttribute("aria-pressed", String(Boolean(recorder)));
  if (!$("camera").options.length) listCameras();
}

function swatch(style, selected) {
  const item = Object.assign(document.createElement("li"), { title: style.source, tabIndex: selected ? 0 : -1 });
  item.dataset.id = style.id;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", String(selected));
  const picture = Object.assign(new Image(), { src: `/api/styles/${style.id}/thumb.jpg`, alt: "", loading: "lazy" });
  const name = Object.assign(document.createElement("span"), { textContent: style.name });
  item.append(picture, name);
  if (!style.builtin) {
    const remove = Object.assign(document.createElement("button"), { textContent: "×", title: `Remove ${style.name}` });
    remove.onclick = (event) => { event.stopPropagation(); call("DELETE", `/api/styles/${style.id}`).catch((e) => notice(e.message)); };
    item.append(remove);
  }
  item.onclick = (event) => choose(style.id, event.shiftKey || event.ctrlKey || event.metaKey);
  item.onkeydown = (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(style.id, event.shiftKey); }
    const step = { ArrowDown: 3, ArrowUp: -3 }[event.key];
    if (step) { event.preventDefault(); $("gallery").children[[...$("gallery").children].indexOf(item) + step]?.focus(); }
  };
  return item;
}

function renderMix(styles) {
  if (styles.length < 2) return $("mix").replaceChildren();
  const same = [...$("mix").querySelectorAll("input")].map((i) => i.dataset.id).join() === styles.map((s) => s.id).join();
  if (same) return;
  const total = styles.reduce((sum, s) => sum + s.weight, 0);
  $("mix").replaceChildren(...styles.map(({ id, weight }) => {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 1, step: 0.01, value: weight / total });
    input.dataset.id = id;
    input.oninput = () => {
      const weights = [...$("mix").querySelectorAll("input")].map((i) => ({ id: i.dataset.id, weight: +i.value }));
      if (weights.some((w) => w.weight > 0)) patch({ styles: weights });
    };
    label.append(state.styles.find((s) => s.id === id)?.name ?? id, input);
    return label;
  }));
}

// --- steering -------------------------------------------------------------------------------------------------

let pending = {}, patching = false;
async function patch(parts) {
  Object.assign(pending, parts);
  Object.assign(state.settings, parts);
  localStorage.setItem(SETTINGS_KEY, JSON.stringify(state.settings));
  if (patching) return;
  patching = true;
  while (Object.keys(pending).length) {
    const now = pending;
    pending = {};
    await call("POST", "/api/settings", JSON.stringify(now)).catch((why) => notice(why.message));
  }
  patching = false;
}

// The last settings of this browser, as far as they still fit.
function restore() {
  const saved = JSON.parse(localStorage.getItem(SETTINGS_KEY) ?? "null");
  if (!saved) return;
  const known = new Set(state.styles.map((s) => s.id));
  saved.styles = (saved.styles ?? []).filter((s) => known.has(s.id));
  if (!saved.styles.length) delete saved.styles;
  call("POST", "/api/settings", JSON.stringify(saved)).catch(() => localStorage.removeItem(SETTINGS_KEY));
}

function choose(id, mixing) {
  const styles = state.settings.styles;
  const without = styles.filter((s) => s.id !== id);
  if (!mixing) patch({ styles: [{ id, weight: 1 }] });
  else if (without.length < styles.length) patch({ styles: without });
  else patch({ styles: [...styles, { id, weight: 1 / Math.max(1, styles.length) }] });
}

function step(by) {
  const at = state.styles.findIndex((s) => s.id === state.settings.styles[0]?.id);
  const next = state.styles[(at + by + state.styles.length) % state.styles.length];
  if (next) choose(next.id, false);
}

async function addFiles(files) {
  for (const file of files) {
    notice(`Looking at ${file.name} …`);
    try {
      const { id } = await call("POST", `/api/styles?name=${encodeURIComponent(file.name)}`, file, "application/octet-stream");
      patch({ styles: [{ id, weight: 1 }] });
      notice("");
    } catch (why) {
      notice(why.message);
    }
  }
}

// --- look: mirror, split, snapshot, recording -----------------------------------------------------------------

function keepLook(parts) {
  Object.assign(look, parts);
  localStorage.setItem(LOOK_KEY, JSON.stringify(look));
  $("frame").classList.toggle("mirrored", look.mirror);
  $("mirror").setAttribute("aria-pressed", String(look.mirror));
  $("split").setAttribute("aria-pressed", String(look.split));
  $("original").hidden = $("divider").hidden = !look.split;
  if (!look.split) originals.clear();
  placeDivider();
}

// The picture inside the letterbox, in px of the page.
function pictureBox() {
  const box = $("frame").getBoundingClientRect();
  const scale = Math.min(box.width / canvas.width, box.height / canvas.height);
  const width = canvas.width * scale, height = canvas.height * scale;
  return { left: (box.width - width) / 2, top: (box.height - height) / 2, width, height, page: box };
}

function placeDivider() {
  if (!look.split) return;
  const { left, top, width, height } = pictureBox();
  Object.assign($("divider").style, { left: `${left + width * look.at / 100}px`, top: `${top}px`, height: `${height}px` });
  $("divider").setAttribute("aria-valuenow", Math.round(look.at));
  const inPicture = left + width * (look.mirror ? 100 - look.at : look.at) / 100;
  const hide = look.mirror ? `inset(0 0 0 ${inPicture}px)` : `inset(0 calc(100% - ${inPicture}px) 0 0)`;
  $("original").style.clipPath = hide;
}

function moveDivider(event) {
  const { left, width, page } = pictureBox();
  keepLook({ at: Math.min(100, Math.max(0, (event.clientX - page.left - left) / width * 100)) });
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const stamp = () => new Date().toISOString().slice(0, 19).replaceAll(":", "-");
const snapshot = () => canvas.toBlob((blob) => save(blob, `impasto-${stamp()}.png`), "image/png");

let recorder;
async function record() {
  if (recorder) return recorder.stop();
  const stream = canvas.captureStream();
  try {
    if ($("microphone").checked) {
      const sound = await navigator.mediaDevices.getUserMedia({ audio: true });
      sound.getAudioTracks().forEach((track) => stream.addTrack(track));
    }
    const type = ["video/mp4;codecs=avc1", "video/webm;codecs=vp9", "video/webm"].find((t) => MediaRecorder.isTypeSupported(t));
    const parts = [];
    recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: 8e6 });
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.onstop = () => {
      stream.getAudioTracks().forEach((track) => track.stop());
      save(new Blob(parts, { type }), `impasto-${stamp()}.${type.includes("mp4") ? "mp4" : "webm"}`);
      recorder = undefined;
      $("record").setAttribute("aria-pressed", "false");
    };
    recorder.start(1000);
    $("record").setAttribute("aria-pressed", "true");
  } catch (why) {
    recorder = undefined;
    notice(`Recording does not start: ${why.message}`);
  }
}

const fullscreen = () => (document.fullscreenElement ? document.exitFullscreen() : $("stage").requestFullscreen());

function key(event) {
  const typing = event.target.matches("input:not([type=range]):not([type=checkbox]), select, textarea") || $("keys").open;
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const onRange = event.target.matches("input[type=range], #divider");
  const keys = {
    s: () => keepLook({ split: !look.split }), m: () => keepLook({ mirror: !look.mirror }), p: snapshot, r: record, f: fullscreen,
    h: () => { document.body.classList.toggle("wide"); placeDivider(); }, "?": () => $("keys").showModal(),
    c: () => patch({ keep_color: state.settings.keep_color > 0.5 ? 0 : 1 }),
  };
  if (!onRange) Object.assign(keys, { ArrowRight: () => step(1), ArrowLeft: () => step(-1) });
  if (/^[0-9]$/.test(event.key)) keys[event.key] = () => patch({ strength: event.key === "0" ? 1 : event.key / 10 });
  const action = keys[event.key] ?? keys[event.key.toLowerCase()];
  if (!action) return;
  if (!steering && /^([0-9c]|Arrow)/.test(event.key)) return;
  event.preventDefault();
  action();
  if (/^[0-9c]$/.test(event.key)) render();
}

function prepare() {
  document.addEventListener("keydown", key);
  for (const input of document.querySelectorAll("#dials [name]")) {
    input.addEventListener("input", () => { patch({ [input.name]: +input.value }); render(); });
  }
  $("microphone").onchange = useMicrophone;
  $("camera").onchange = () => { keepLook({ camera: $("camera").value }); useCamera(); };
  navigator.mediaDevices?.addEventListener?.("devicechange", listCameras);
  $("file").onchange = () => { addFiles($("file").files); $("file").value = ""; };
  $("take-over").onclick = () => send(JSON.stringify({ steer: true }));
  for (const [id, action] of Object.entries({
    mirror: () => keepLook({ mirror: !look.mirror }), split: () => keepLook({ split: !look.split }), snapshot, record, fullscreen,
    help: () => $("keys").showModal(),
  })) $(id).onclick = action;
  $("divider").onpointerdown = (event) => { $("divider").setPointerCapture(event.pointerId); $("divider").onpointermove = moveDivider; };
  $("divider").onpointerup = () => { $("divider").onpointermove = null; };
  $("divider").onkeydown = ({ key }) => {
    const by = { ArrowLeft: -2, ArrowRight: 2 }[key];
    if (by) keepLook({ at: Math.min(100, Math.max(0, look.at + by)) });
  };
  addEventListener("resize", placeDivider);
  let depth = 0;
  addEventListener("dragenter", (event) => { event.preventDefault(); depth++; $("drop").hidden = false; });
  addEventListener("dragleave", () => { if (--depth <= 0) $("drop").hidden = true; });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    $("drop").hidden = true;
    if (steering) addFiles(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => steering && addFiles(event.clipboardData.files));
  keepLook({});
}

if (!clean) prepare();
connect();
