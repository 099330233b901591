// Paints beside the page: holds the engine, and takes one frame after another.
//
// The page asks `{id, request, bytes}` and gets `{id, json, bytes}` or `{id, error}`. Frames come as `{frame}` and photos as `{photo}`; they are
// painted when the page has shown the one before, and only the newest waits. `{rest}` and `{shown}` are the page's, as in socket.rs.

import { Engine, abilities, choose, compile, sharedMemory } from "./engine.js";

const PATIENCE_MS = 2000, SCENE = { width: 640, height: 360 }, SCENE_MS = 33;
const epoch = () => performance.timeOrigin + performance.now();

let engine, started = 0, resting = false, broken = "";
// Frames that were handed out and are not yet shown; with two under way the next is painted while one is drawn.
let unshown = 0, lastShown = 0;
// The newest frame that waits, the photo, and when a camera was last heard of.
let newest = null, photo = null, photoDue = false, cameraAt = -Infinity, sequence = 0;

const send = (message, bytes) => postMessage(bytes ? { ...message, bytes } : message, bytes ? [bytes.buffer ?? bytes] : []);

// --- starting -------------------------------------------------------------------------------------------------

async function start({ threads, relaxed, base }) {
  const can = abilities();
  if (!can.simd) throw new Error("this browser has no WebAssembly SIMD, which came to Chrome 91, Firefox 89 and Safari 16.4; take a newer one, or the program `impasto`");
  const kind = choose(can.threads ? threads : 1, relaxed && can.relaxed);
  if (!kind) throw new Error("this site has no WebAssembly file that this browser can run; take another browser, or the program `impasto`");
  const address = (name) => new URL(name, base);
  const bytes = async (name) => {
    const answer = await fetch(address(name));
    if (!answer.ok) throw new Error(`${name} cannot be loaded (${answer.status}); check the connection and reload the page`);
    return new Uint8Array(await answer.arrayBuffer());
  };
  const [module, model, styles] = await Promise.all([compile(address(kind.file)), bytes("light.safetensors"), bytes("styles.pack")]);
  const memory = kind.threads > 1 ? sharedMemory() : undefined;
  engine = await Engine.start(module, memory);
  const lent = memory ? await lend(module, memory, kind.threads - 1) : 0;
  engine.ask({ open: { threads: lent + 1 } }, model);
  const { json } = engine.ask("styles", styles);
  return { state: json, file: kind.file, threads: lent + 1, relaxed: kind.relaxed };
}

// Starts workers that become the engine's threads; gives how many there are.
async function lend(module, memory, count) {
  const workers = Array.from({ length: count }, () => new Worker(new URL("thread.js", import.meta.url), { type: "module" }));
  for (const worker of workers) worker.postMessage({ module, memory, stack: engine.room() });
  for (const end = performance.now() + 3000; engine.lent < count && performance.now() < end;) await new Promise((done) => setTimeout(done, 5));
  return engine.lent;
}

// --- frames ---------------------------------------------------------------------------------------------------

// Paints what waits, if the page wants more.
function next() {
  if (!engine || resting || broken) return;
  if (unshown > 1 && performance.now() - lastShown < 1000) return;
  try {
    if (photo !== null) {
      if (photoDue) paintPhoto();
    } else if (newest) {
      const { message, number } = newest;
      newest = null;
      // Said before painting begins: the page sends the next in time.
      send({ taken: { sequence: number, free_in_ms: busyMs } });
      painted(engine.ask("frame", message));
    }
  } catch (why) {
    failed(why);
  }
}

let busyMs = 0;
function painted({ json, bytes }) {
  busyMs = json?.free_in_ms ?? busyMs;
  unshown++;
  lastShown = performance.now();
  send({ painted: true }, bytes);
}

function paintPhoto() {
  photoDue = false;
  const { width, height, pixels } = photo;
  painted(engine.ask({ photo: { width, height, sequence: sequence++, captured_ms: epoch() } }, pixels ?? undefined));
  photo.pixels = null;
}

function failed(why) {
  if (why.broken) broken = why.message;
  send({ failed: why.message, broken: Boolean(why.broken) });
}

// Without a camera a scene is painted that the program draws.
function scene() {
  const now = performance.now();
  const due = engine && !resting && !broken && photo === null && now - cameraAt > PATIENCE_MS;
  let pause = SCENE_MS;
  if (due && (unshown < 2 || now - lastShown > 1000)) {
    try {
      painted(engine.ask({ scene: { ...SCENE, seconds: (now - started) / 1000, sequence: sequence++, captured_ms: epoch() } }));
    } catch (why) {
      failed(why);
    }
    pause = Math.max(0, SCENE_MS - (performance.now() - now));
  }
  setTimeout(scene, pause);
}

// --- messages -------------------------------------------------------------------------------------------------

const answers = {
  async start({ id, start: how }) {
    started = performance.now();
    send({ id, json: await start(how) });
    scene();
  },
  request({ id, request, bytes }) {
    if (broken) throw new Error(broken);
    const reply = engine.ask(request, bytes && new Uint8Array(bytes));
    // A photo follows its settings.
    if (typeof request === "object" && ("settings" in request || "remove" in request)) photoDue = true;
    send({ id, json: reply.json }, reply.bytes.length ? reply.bytes : undefined);
    if (photoDue) setTimeout(next);
  },
  frame({ frame, number }) {
    cameraAt = performance.now();
    if (newest) send({ taken: { sequence: newest.number, free_in_ms: busyMs } });
    newest = { message: new Uint8Array(frame), number };
    next();
  },
  photo({ photo: given }) {
    photo = given;
    photoDue = Boolean(given);
    if (!given) engine?.ask("cut");
    next();
  },
  rest({ rest }) { resting = rest; unshown = 0; next(); },
  shown({ shown }) {
    unshown = Math.max(0, unshown - 1);
    if (engine && !broken) engine.ask({ seen: { latency_ms: shown.latency_ms } });
    next();
  },
};

onmessage = async ({ data }) => {
  const kind = Object.keys(answers).find((name) => name in data);
  try {
    await answers[kind](data);
  } catch (why) {
    if (why.broken) broken = why.message;
    if (data.id === undefined) failed(why);
    else send({ id: data.id, error: why.message });
  }
};
