// Impasto for other pages: a canvas that shows what a source shows, painted.

const RGBA = 2, HEADER = 24;

/** Opens the painter. `base` is where this package's `files` folder is served; by default beside this module. */
export async function createPainter({ canvas, style = "starry-night", threads, relaxed = true, base = new URL("./files/", import.meta.url) } = {}) {
  const worker = new Worker(new URL("worker.js", base), { type: "module" });
  const painter = new Painter(worker, canvas);
  const processors = globalThis.navigator?.hardwareConcurrency ?? 1;
  try {
    const { state } = await painter.start({ threads: threads ?? Math.min(processors, 8), relaxed, base: new URL(base, globalThis.location?.href).href });
    painter.styles = state.styles.map(({ id, name, source }) => ({ id, name, source }));
    await painter.set({ styles: [{ id: style, weight: 1 }] });
  } catch (why) {
    painter.close();
    throw why;
  }
  return painter;
}

class Painter {
  #worker; #canvas; #next = 0; #waiting = new Map(); #sequence = 0; #scratch;

  /** The styles that there are. */
  styles = [];

  constructor(worker, canvas) {
    [this.#worker, this.#canvas] = [worker, canvas];
    worker.onmessage = ({ data }) => {
      const { done, failed } = this.#waiting.get(data.id) ?? {};
      this.#waiting.delete(data.id);
      if (data.error) failed?.(new Error(data.error));
      else done?.(data);
    };
    worker.onerror = ({ message }) => this.#waiting.forEach(({ failed }) => failed(new Error(message ?? "the painter's files cannot be loaded; see `base`")));
  }

  #post(message, handed = []) {
    const id = ++this.#next;
    this.#worker.postMessage({ id, ...message }, handed);
    return new Promise((done, failed) => this.#waiting.set(id, { done, failed }));
  }

  async start(how) {
    // The page shows its own pictures, so the worker's scene rests.
    this.#worker.postMessage({ rest: true });
    return (await this.#post({ start: how })).json;
  }

  /** Changes settings, such as `{strength: 0.6, keep_color: 1, styles: [{id: "waves", weight: 0.7}, {id: "kiss", weight: 0.3}]}`. */
  async set(settings) { return (await this.#post({ request: { settings } })).json; }

  /** Makes a style of a painting (anything that `createImageBitmap` takes); gives its id. */
  async addStyle(painting, name = "mine") {
    const { width, height, pixels } = await this.#pixels(await createImageBitmap(painting), 1024);
    return (await this.#post({ request: { painting: { name, width, height } }, bytes: pixels.buffer }, [pixels.buffer])).json.id;
  }

  /** Paints one frame of a video, canvas, image, ImageBitmap or VideoFrame on the canvas; gives the frame as ImageData. */
  async paint(source, longestSide = 640) {
    const { width, height, pixels } = await this.#pixels(source, longestSide);
    const message = new Uint8Array(HEADER + pixels.length), head = new DataView(message.buffer);
    head.setUint8(0, RGBA);
    head.setUint16(2, width, true);
    head.setUint16(4, height, true);
    head.setUint32(8, this.#sequence++, true);
    head.setFloat64(16, performance.timeOrigin + performance.now(), true);
    message.set(pixels, HEADER);
    const { bytes } = await this.#post({ request: "frame", bytes: message.buffer }, [message.buffer]);
    const painted = new ImageData(new Uint8ClampedArray(bytes.buffer ?? bytes, HEADER), width, height);
    if (this.#canvas) {
      if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
      this.#canvas.getContext("2d").putImageData(painted, 0, 0);
    }
    return painted;
  }

  async #pixels(source, longestSide) {
    const whole = [source.videoWidth || source.displayWidth || source.naturalWidth || source.width, source.videoHeight || source.displayHeight || source.naturalHeight || source.height];
    const by = Math.min(1, longestSide / Math.max(...whole)), [width, height] = whole.map((side) => Math.max(1, Math.round(side * by)));
    this.#scratch ??= new OffscreenCanvas(width, height);
    Object.assign(this.#scratch, { width, height });
    const context = this.#scratch.getContext("2d", { willReadFrequently: true });
    context.drawImage(source, 0, 0, width, height);
    return { width, height, pixels: context.getImageData(0, 0, width, height).data };
  }

  /** Ends the worker and gives its memory back. */
  close() {
    this.#worker.terminate();
    this.#waiting.forEach(({ failed }) => failed(new Error("the painter was closed")));
    this.#waiting.clear();
  }
}
