// The page: one painter behind server.js, one camera, and controls that follow the painter's state.

import { Deepen } from "./deepen.js";
import { BrowserCamera, latencyMs, show, wireFormat } from "./frames.js";
import { Gallery } from "./gallery.js";
import { fitting, flipped, found, shares, stepped, toggled, weighted } from "./mix.js";
import { tell } from "./notices.js";
import { Divider } from "./picture.js";
import { CanvasRecorder, snapshot } from "./recorder.js";
import { Line, alone, call, home, parameter } from "./server.js";
import { Microphone } from "./sound.js";
import { Store } from "./store.js";
import { cameraFault, cameras, dialValue, figures, flashes, keyAction, serverFault, styleName } from "./words.js";

const $ = (id) => document.getElementById(id);
// `/view` shows the painting and nothing else.
const clean = document.body.classList.contains("clean");
const canvas = $("painting"), store = Store.ofBrowser(), recorder = new CanvasRecorder();
// Height in px that the camera is asked for: `?height=360` in the address.
const cameraHeight = Number(parameter("height", home.cameraHeight));

let state = { styles: [], settings: null, camera: {}, troubles: {} }, you = { steering: false, wanted: false };
let camera, favourites = store.get("favourites", []), onlyFavourites = false, chosenCamera = store.get("camera", "");

// --- the server -----------------------------------------------------------------------------------------------

const line = new Line({
  open() {
    tell("server", "");
    line.say({ hello: { format: wireFormat, steer: !clean } });
    line.say({ rest: isResting() });
  },
  message: (data) => (typeof data === "string" ? heard(JSON.parse(data)) : painted(data)),
  closed(status, reason) {
    tell("server", reason || serverFault(status), true);
    inFlight = false;
  },
});

function heard({ state: news, you: mine, stats, deepening, taken: frame }) {
  if (frame) return taken(frame);
  if (clean) return;
  if (mine) {
    if (mine.steering && !you.steering && wasSteering && !asked) tell("steering", "The other page is gone: this one steers again.");
    if (!mine.steering && you.steering) wasSteering = true;
    if (mine.steering) asked = false;
    you = mine;
  }
  if (news) stateChanged(news);
  if (deepening) deepen.progress(deepening);
  if (stats && state.settings) {
    $("figures").textContent = figures(stats, state.settings);
    $("figures").title = `Rate, time from the camera to this page, size that is painted; ${state.model} on ${state.engine}`;
    tell("painting", stats.error);
    tell("flashes", flashes(stats, state.settings.flash), true);
    if (!renewed && camera && stats.frames_painted > 60) renewThumbs();
  }
}

let wasSteering = false, asked = false;
function takeOver() {
  asked = true;
  line.say({ steer: true });
}

function stateChanged(news) {
  // A server that has just been started, or is new to this page, gets what was set here.
  const known = state.started_ms === news.started_ms;
  state = news;
  if (!known && you.steering) restore();
  render();
  tell("camera", state.camera.error && `${state.camera.error}; trying again …`, true);
  for (const part of ["recording", "virtual camera", "server"]) {
    const why = state.troubles[part];
    tell(`trouble: ${part}`, why && (part === "recording" ? `The recording has ended: ${why}` : why), true);
  }
  if (state.recording_sound && !soundWanted) $("microphone").checked = true;
  soundWanted = state.recording_sound;
  useMicrophone();
  useCamera();
}

// Sends changed settings, one request at a time; what comes meanwhile goes together.
let pending = {}, patching = false;
async function patch(parts) {
  Object.assign(pending, parts);
  Object.assign(state.settings, parts);
  store.set("settings", state.settings);
  render();
  if (patching) return;
  patching = true;
  while (Object.keys(pending).length) {
    const now = pending;
    pending = {};
    await call("POST", "/api/settings", JSON.stringify(now)).catch((why) => tell("setting", why.message));
  }
  patching = false;
}

// The last settings of this browser, as far as they still fit.
function restore() {
  const saved = fitting(alone?.settings() ?? store.get("settings", null), state.styles);
  if (saved) call("POST", "/api/settings", JSON.stringify(saved)).catch(() => store.set("settings", null));
}

// --- frames ---------------------------------------------------------------------------------------------------

async function painted(buffer) {
  const head = await show(buffer, canvas).catch((why) => tell("picture", `This browser cannot show the picture: ${why.message}`));
  if (!head) return;
  line.say({ shown: { sequence: head.sequence, latency_ms: latencyMs(head) } });
  if (!clean && state.settings) divider.place(state.settings.split);
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
  if (!camera || !you.steering || !you.wanted || inFlight || !line.isOpen) return;
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
  line.send(message);
}

// A frame that was never taken (it was overtaken, or painting failed) does not stop the camera.
setInterval(() => {
  if (inFlight && performance.now() - lastSent > 1500) inFlight = false;
  give();
}, 100);

// A hidden page is sent no frames, and if nobody else looks or records, nothing is painted.
const isResting = () => document.hidden && !recorder.isRunning;
document.addEventListener("visibilitychange", () => line.say({ rest: isResting() }));

// --- cameras and the microphone -------------------------------------------------------------------------------

let wantsCamera = null, retry;
async function useCamera() {
  const wanted = you.steering && state.camera.browser && chosenCamera !== "own" ? chosenCamera || "default" : null;
  if (wanted === wantsCamera) return;
  wantsCamera = wanted;
  camera?.stop();
  camera = null;
  clearTimeout(retry);
  listCameras();
  tell("browser camera", "");
  if (wanted === null) return;
  try {
    const opened = await openCamera(wanted);
    if (wantsCamera !== wanted) return opened.stop();
    camera = opened;
    camera.onFrame(give);
    camera.onEnded(() => lost("The camera is gone; plug it in again"));
    listCameras();
  } catch (why) {
    if (wantsCamera === wanted) lost(cameraFault(why));
  }
}

// A camera that was chosen once and is not there gives way to any other.
function openCamera(wanted) {
  const any = () => BrowserCamera.open("", cameraHeight, home.jpeg);
  if (wanted === "default") return any();
  if (wanted === OWN_FILE && ownFile) return ownFile.open();
  return BrowserCamera.open(wanted, cameraHeight, home.jpeg).catch((why) => {
    if (why.name !== "OverconstrainedError" && why.name !== "NotFoundError") throw why;
    return any();
  });
}

// A photo or a film of this device in the camera's place.
const OWN_FILE = "file";
let ownFile;
async function paintFile(file) {
  try {
    // A file that cannot be read is told before anything changes.
    ownFile = { file, name: file.name, open: await (file.type.startsWith("video/") ? filmOpener(file) : photoOpener(file)) };
    chosenCamera = OWN_FILE;
    wantsCamera = null;
    useCamera();
    render();
    tell("file", "");
  } catch (why) {
    tell("file", `${why.message}.`);
  }
}

async function filmOpener(file) {
  (await BrowserCamera.film(file)).stop();
  return () => BrowserCamera.film(file);
}

async function photoOpener(file) {
  const photo = await alone.photo(file);
  return async () => new Photo({ ...photo, pixels: photo.pixels.slice() }, (message) => line.send(message));
}

// Hands a photo in once, and nothing after it; the painter paints it again when a setting changes.
class Photo {
  #send;
  constructor(photo, send) {
    this.#send = send;
    send({ photo });
  }
  get given() { return -1; }
  onFrame() {}
  onEnded() {}
  async take() { return null; }
  stop() { this.#send({ photo: null }); }
}

function lost(why) {
  tell("browser camera", `${why}. Until there is one you see a scene drawn by the program.`, true);
  camera?.stop();
  camera = null;
  clearTimeout(retry);
  retry = setTimeout(() => { wantsCamera = null; useCamera(); }, 5000);
}

async function listCameras() {
  const devices = await navigator.mediaDevices?.enumerateDevices().catch(() => []) ?? [];
  const { options, value } = cameras(devices, chosenCamera, state.camera, ownFile && [ownFile.name, OWN_FILE]);
  $("camera").replaceChildren(...options.map(([text, value]) => new Option(text, value)));
  $("camera").value = value;
}

// A recording of the server that wants sound gets it from the page that steers, for as long as the box is ticked.
let soundWanted = false, listening = false, microphone;
async function useMicrophone() {
  const wanted = Boolean(you.steering && state.recording_sound && $("microphone").checked);
  if (wanted === listening) return;
  listening = wanted;
  microphone?.close();
  microphone = undefined;
  if (!wanted) return;
  try {
    const opened = await Microphone.open((message) => line.send(message));
    if (listening && !microphone) microphone = opened;
    else opened.close();
  } catch (why) {
    $("microphone").checked = listening = false;
    tell("sound", `The recording has no sound: ${why.name === "NotAllowedError" ? "the browser was not allowed to use the microphone" : why.message}.`);
  }
}

// --- styles and dials -----------------------------------------------------------------------------------------

let gallery, divider, deepen, renewed = false;
const choose = (id) => patch({ styles: [{ id, weight: 1 }] });
const mix = (id) => patch({ styles: toggled(state.settings.styles, id) });

function renewThumbs() {
  renewed = true;
  gallery.renew();
}

function render() {
  const { settings, styles } = state;
  if (!settings) return;
  $("controls").disabled = !you.steering;
  $("watching").hidden = you.steering;
  for (const button of document.querySelectorAll("button.steers")) button.disabled = !you.steering;
  const query = $("search").value, shown = found(styles, query, favourites, onlyFavourites);
  gallery.render(shown, settings.styles, favourites);
  $("none").hidden = shown.length > 0;
  $("none").textContent = query ? `No style matches “${query}”. Drop a picture to make one.` : "No favourites yet: the star on a style makes it one.";
  renderMix(settings.styles);
  deepen.render(state, you.steering);
  for (const input of document.querySelectorAll("#controls [name]")) renderDial(input, settings[input.name]);
  $("painted-there").hidden = !state.camera.paints;
  $("film").disabled = !ownFile?.file.type.startsWith("video/");
  $("film").textContent = filming ? "Stop painting" : "Paint film to a file";
  $("engine").textContent = `Painted by ${state.model} on ${state.engine}.`;
  $("mirror").setAttribute("aria-pressed", settings.mirror);
  $("split").setAttribute("aria-pressed", settings.split > 0);
  divider.place(settings.split);
  document.body.classList.toggle("recording", recorder.isRunning || Boolean(state.recording));
  $("record").setAttribute("aria-pressed", recorder.isRunning);
  tell("recording", state.recording && `Recording into ${state.recording}${state.recording_sound ? ", with this page's microphone" : ""}`, true);
}

function renderDial(input, value) {
  if (document.activeElement !== input || input.tagName === "SELECT") input.value = value;
  input.disabled = state.camera.paints && input.type === "range";
  const output = input.parentElement.querySelector("output");
  if (output) output.value = dialValue(input.name, input.value);
}

function renderMix(styles) {
  const mixed = styles.length < 2 ? [] : shares(styles);
  const known = [...$("mix").querySelectorAll("input")];
  if (known.map((input) => input.dataset.id).join("\n") === mixed.map(({ id }) => id).join("\n")) {
    mixed.forEach(({ share }, i) => { if (document.activeElement !== known[i]) known[i].value = share; });
    return;
  }
  $("mix").replaceChildren(...mixed.map(({ id, share }) => {
    const name = styleName(state.styles.find((style) => style.id === id)?.name ?? id);
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 1, step: 0.01, value: share, ariaLabel: `Share of ${name}` });
    input.dataset.id = id;
    input.oninput = () => patch({ styles: weighted(shares(state.settings.styles).map(({ id, share }) => ({ id, weight: share })), id, +input.value) });
    const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "−", ariaLabel: `Take ${name} out of the mix` });
    remove.onclick = () => mix(id);
    label.append(Object.assign(document.createElement("span"), { textContent: name }), input, remove);
    return label;
  }));
}

async function addFiles(files) {
  for (const file of files) {
    tell("file", `Looking at ${file.name} …`, true);
    try {
      const { id } = await call("POST", `/api/styles?name=${encodeURIComponent(file.name)}`, file, "application/octet-stream");
      gallery.reveal(id);
      await choose(id);
      tell("file", "");
    } catch (why) {
      tell("file", why.message);
    }
  }
}

async function removeStyle(id) {
  await call("DELETE", `/api/styles/${id}`).then(() => gallery.forget(id), (why) => tell("file", why.message));
}

// --- what the buttons and keys do -----------------------------------------------------------------------------

async function record() {
  if (recorder.isRunning) return recorder.stop();
  const over = () => { render(); line.say({ rest: isResting() }); };
  await recorder.start(canvas, $("microphone").checked, over, camera?.video).catch((why) => tell("record", `Recording does not start: ${why.message}`));
  render();
}

const actions = {
  step: (by) => { const id = stepped(found(state.styles, $("search").value, favourites, onlyFavourites), state.settings.styles, by); if (id) choose(id); },
  strength: (strength) => patch({ strength }),
  keepColor: () => patch({ keep_color: state.settings.keep_color > 0.5 ? 0 : 1 }),
  mirror: () => patch({ mirror: !state.settings.mirror }),
  split: () => patch({ split: state.settings.split ? 0 : store.get("split", 0.5) }),
  snapshot: () => snapshot(canvas),
  record,
  fullscreen: () => (document.fullscreenElement ? document.exitFullscreen() : $("stage").requestFullscreen()),
  panel: () => document.body.classList.toggle("wide"),
  search: () => $("search").focus(),
  help: () => $("keys").showModal(),
};
const STEERING = ["step", "strength", "keepColor", "mirror", "split"];

function key(event) {
  if ($("keys").open || !state.settings) return;
  const typing = event.target.matches("input:not([type=range]):not([type=checkbox]), select, textarea");
  const action = keyAction(event, typing ? "text" : event.target.matches("input[type=range], #divider") ? "slider" : "");
  if (!action || (STEERING.includes(action[0]) && !you.steering)) return;
  event.preventDefault();
  actions[action[0]](action[1]);
}

// On a page of its own, what is dropped on the painting is painted, and what is dropped on the styles becomes one.
const paintsDropped = (file, target) => file.type.startsWith("video/") || (file.type.startsWith("image/") && $("stage").contains(target));

// Paints the film that is open into a file, or ends that.
let filming = null;
async function paintFilm() {
  if (filming) return filming.abort();
  filming = new AbortController();
  render();
  const progress = (done, all, message) => { tell("film", `Painting ${ownFile.name}: ${done} of ${all} frames`, true); show(message, canvas); };
  const over = await alone.film(ownFile.file, progress, filming.signal).then(() => "The painted film is saved.", (why) => (why.name === "AbortError" ? "The film was not painted to its end; nothing is saved." : `${why.message[0].toUpperCase()}${why.message.slice(1)}.`));
  tell("film", over);
  filming = null;
  render();
}

function prepareAlone() {
  for (const part of document.querySelectorAll(".alone")) part.hidden = false;
  $("drop").textContent = "Drop a photo or a film here to paint it; a painting on the styles becomes a style";
  $("own-file").onchange = () => { const [file] = $("own-file").files; if (file) paintFile(file); $("own-file").value = ""; };
  $("film").onclick = paintFilm;
  $("link").onclick = () => alone.link(state.settings).then(() => tell("link", "The link is copied; it opens this page with these settings."), (why) => tell("link", `The link cannot be copied: ${why.message}.`));
  $("save-style").onclick = () => alone.saveStyle(state.settings.styles.map(({ id }) => id).join("-") || "none").catch((why) => tell("file", `${why.message}.`));
}

function prepareDrop() {
  let depth = 0;
  const over = (now) => { depth = Math.max(0, now); $("drop").hidden = depth === 0; };
  addEventListener("dragenter", (event) => { event.preventDefault(); over(depth + 1); });
  addEventListener("dragleave", () => over(depth - 1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    over(0);
    const { files } = event.dataTransfer;
    if (alone && files.length && paintsDropped(files[0], event.target)) paintFile(files[0]);
    else if (you.steering) addFiles(files);
    else tell("file", "Another page steers: take over first.");
  });
  addEventListener("paste", (event) => you.steering && addFiles(event.clipboardData.files));
}

function prepare() {
  const favour = (id) => { favourites = flipped(favourites, id); store.set("favourites", favourites); render(); };
  gallery = new Gallery($("gallery"), { choose, mix, favour, remove: removeStyle });
  deepen = new Deepen($("deepen"), $("gallery"), { fault: (why) => tell("deepen", why), picture: () => $("file").click() });
  divider = new Divider($("divider"), $("frame"), canvas, (split) => { store.set("split", split); patch({ split }); });
  document.addEventListener("keydown", key);
  for (const input of document.querySelectorAll("#controls [name]")) {
    input.addEventListener("input", () => patch({ [input.name]: input.name === "flash" ? input.value : +input.value }));
  }
  for (const id of ["mirror", "split", "snapshot", "record", "fullscreen", "help"]) $(id).onclick = () => state.settings && actions[id]();
  $("fullscreen").hidden = !$("stage").requestFullscreen;
  $("take-over").onclick = takeOver;
  $("search").oninput = render;
  $("search").onkeydown = ({ key }) => { if (key === "Escape") { $("search").value = ""; $("search").blur(); render(); } };
  $("favourites").onclick = () => { onlyFavourites = !onlyFavourites; $("favourites").setAttribute("aria-pressed", onlyFavourites); render(); };
  $("renew").onclick = renewThumbs;
  $("file").onchange = () => { addFiles([...$("file").files]); $("file").value = ""; };
  $("microphone").onchange = useMicrophone;
  $("camera").onchange = () => { chosenCamera = $("camera").value; store.set("camera", chosenCamera); useCamera(); };
  navigator.mediaDevices?.addEventListener?.("devicechange", listCameras);
  new ResizeObserver(() => state.settings && divider.place(state.settings.split)).observe($("frame"));
  // A reload would lose what the browser has recorded.
  addEventListener("beforeunload", (event) => { if (recorder.isRunning || filming) event.preventDefault(); });
  prepareDrop();
  if (alone) prepareAlone();
}

if (!clean) prepare();
