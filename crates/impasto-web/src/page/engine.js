// The WebAssembly file as a value: `ask(request, bytes)` gives `{json, bytes}`. Runs in workers and in Node.

const encoder = new TextEncoder(), decoder = new TextDecoder();
const PAGE_BYTES = 65536, MAX_PAGES = 32768;

// The smallest modules that hold one instruction of simd128, and one of relaxed SIMD.
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
const RELAXED = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11];

// What this browser can run: `simd`, `relaxed` (fused multiply and add), `threads` (shared memory, in isolated pages).
export function abilities() {
  const can = (bytes) => WebAssembly.validate(new Uint8Array(bytes));
  return { simd: can(SIMD), relaxed: can(RELAXED), threads: typeof SharedArrayBuffer === "function" && globalThis.crossOriginIsolated !== false };
}

// The WebAssembly files of this site, fastest first; the site's maker leaves those that it has (web/site.mjs).
const ENGINES = ["impasto-threads-relaxed.wasm", "impasto-threads.wasm", "impasto-relaxed.wasm", "impasto.wasm"];

// The first of the site's files that may be used: `{file, threads, relaxed}`.
export function choose(threads, relaxed, engines = ENGINES) {
  const kinds = engines.map((file) => ({ file, threads: file.includes("threads") ? threads : 1, relaxed: file.includes("relaxed") }));
  return kinds.find((kind) => (kind.threads > 1 || !kind.file.includes("threads")) && (relaxed || !kind.relaxed));
}

// Compiles while it loads, where the server says what kind of file it is.
export async function compile(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} cannot be loaded (${answer.status}); reload the page`);
  if (answer.headers.get("content-type")?.startsWith("application/wasm")) return WebAssembly.compileStreaming(answer);
  return WebAssembly.compile(await answer.arrayBuffer());
}

// Pages that a file with threads begins with, and may have at most: both are told to the linker too (web/build.sh).
const FIRST_PAGES = 64;

// Memory that several workers share.
export function sharedMemory() {
  try {
    return new WebAssembly.Memory({ initial: FIRST_PAGES, maximum: MAX_PAGES, shared: true });
  } catch (why) {
    throw new Error(`this browser gives no shared memory (${why.message}); open the page with ?threads=1`);
  }
}

export class Engine {
  #wasm; #memory; #panic = "";

  // `memory` only for a file with threads.
  static async start(module, memory) {
    const engine = new Engine();
    const impasto = {
      now_ms: () => performance.now(),
      panicked: (at, length) => { engine.#panic = engine.#text(at, length); },
    };
    const instance = await WebAssembly.instantiate(module, { impasto, env: { memory } });
    engine.#wasm = instance.exports;
    engine.#memory = memory ?? instance.exports.memory;
    return engine;
  }

  // Bytes of memory in use.
  get memoryBytes() { return this.#memory.buffer.byteLength; }
  // Lent threads that are free.
  get lent() { return this.#wasm.impasto_lent(); }

  // Makes this worker a thread of the engine; never returns. `stack` is the start of memory from `room()` in the first worker.
  lend(stack) {
    this.#wasm.__stack_pointer.value = stack.top;
    this.#wasm.__wasm_init_tls(stack.tls);
    this.#wasm.impasto_lend();
  }

  // Memory for the stack and the own values of another thread.
  room() {
    const bytes = 1 << 20, { __tls_size: tls } = this.#wasm;
    const start = this.#wasm.impasto_alloc(bytes + tls.value + 64);
    const own = (start + 63) & ~63;
    return { tls: own, top: (own + tls.value + bytes - 64) & ~15 };
  }

  // Asks for something (request.rs); fails with the engine's words.
  ask(request, bytes = new Uint8Array()) {
    const { impasto_alloc, impasto_answer, impasto_reply } = this.#wasm;
    const json = encoder.encode(JSON.stringify(request));
    let failed, reply, data;
    try {
      const jsonAt = impasto_alloc(json.length), at = impasto_alloc(bytes.length);
      this.#bytes(jsonAt, json.length).set(json);
      this.#bytes(at, bytes.length).set(bytes);
      failed = impasto_answer(jsonAt, json.length, at, bytes.length);
      reply = JSON.parse(this.#text(impasto_reply(0), impasto_reply(1)));
      data = this.#bytes(impasto_reply(2), impasto_reply(3)).slice();
    } catch (why) {
      throw this.#broken(why);
    }
    if (failed) throw new Error(reply.error);
    return { json: reply, bytes: data };
  }

  // A trap leaves the engine in no state to go on.
  #broken(why) {
    const text = this.#panic || why.message, memory = /memory|alloc|capacity/i.test(text) || this.memoryBytes > 0.9 * MAX_PAGES * PAGE_BYTES;
    const remedy = memory ? "choose a smaller resolution, or a smaller photo" : "reload the page";
    return Object.assign(new Error(`the painter has stopped (${memory ? "there is no memory left" : text}); ${remedy}`), { broken: true });
  }

  #bytes(at, length) { return new Uint8Array(this.#memory.buffer, at, length); }
  // Decoders refuse shared memory, so it is copied first.
  #text(at, length) { return decoder.decode(this.#bytes(at, length).slice()); }
}
