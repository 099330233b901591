// Paints a film into a new MP4, every frame at its own time, with its sound as it was.

import { planarMessage, readHeader, videoFrame } from "./frames.js";
import { readMp4 } from "./mp4read.js";
import { Mp4Writer, avcEntry } from "./mp4write.js";

// Levels of H.264 that encoders know, the best first; each is asked for.
const CODECS = ["avc1.640034", "avc1.640028", "avc1.4d0028", "avc1.42e034", "avc1.42e028", "avc1.42e01f"];
const BITS_A_PIXEL = 0.14, KEY_SECONDS = 2, UNDER_WAY = 6;
const MICRO = 1e6;

// Paints `file` by `paint(message) => message`; `progress(done, all, message)` is called for each frame. `signal` ends it.
export async function paintFilm(file, paint, progress, signal) {
  if (!("VideoEncoder" in globalThis && "VideoDecoder" in globalThis)) throw new Error("this browser cannot code films (it has no WebCodecs); record the film while it plays");
  const { tracks } = await readMp4(file), picture = tracks.find(({ kind, config }) => kind === "vide" && config);
  if (!picture) throw new Error("the film has no pictures in H.264; record it while it plays");
  const film = new Film(file, picture, tracks.find(({ kind }) => kind === "soun"), { paint, progress, signal });
  try {
    return await film.paint();
  } finally {
    film.close();
  }
}

class Film {
  #file; #track; #sound; #to; #writer = new Mp4Writer(); #pictures; #sounds = null; #encoder; #decoder;
  // Frames that were decoded and are to be painted; times in ticks by the microseconds that the browser carries.
  #decoded = []; #wake = () => {}; #failure = null; #ticks = new Map(); #pending = [];

  constructor(file, track, sound, to) {
    [this.#file, this.#track, this.#sound, this.#to] = [file, track, sound, to];
  }

  close() {
    this.#decoded.forEach((frame) => frame.close());
    for (const coder of [this.#decoder, this.#encoder]) if (coder && coder.state !== "closed") coder.close();
  }

  async paint() {
    const { samples, timescale, shift, config } = this.#track;
    const codec = `avc1.${[...config.subarray(1, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
    const failed = (why) => { this.#failure = why; this.#wake(); };
    this.#decoder = new VideoDecoder({ output: (frame) => { this.#decoded.push(frame); this.#wake(); }, error: failed });
    this.#decoder.configure({ codec, description: config, codedWidth: this.#track.width, codedHeight: this.#track.height });
    // Presentation order and what the edit list skips give each picture its time and how long it is shown.
    const shown = samples.map(({ pts }) => pts).sort((a, b) => a - b);
    shown.forEach((pts, i) => this.#ticks.set(Math.round(pts / timescale * MICRO), { start: pts - shift, duration: (shown[i + 1] ?? pts + samples.at(-1).duration) - pts }));
    const all = shown.filter((pts) => pts >= shift).length;
    let fed = 0, done = 0, flushed = null;
    for (;;) {
      this.#to.signal?.throwIfAborted();
      if (this.#failure) throw new Error(`the film cannot be painted: ${this.#failure.message}`);
      const frame = this.#decoded.shift();
      if (frame) {
        const times = this.#ticks.get(frame.timestamp);
        if (times && times.start >= 0) await this.#paintFrame(frame, times, ++done, all);
        else frame.close();
      } else if (fed < samples.length && this.#decoder.decodeQueueSize < UNDER_WAY) {
        await this.#feed(samples[fed++]);
      } else if (fed === samples.length && !flushed) {
        flushed = this.#decoder.flush().then(() => { flushed = "over"; this.#wake(); }, failed);
      } else if (flushed === "over" && !this.#decoded.length) {
        return this.#finish();
      } else {
        await new Promise((wake) => { this.#wake = wake; setTimeout(wake, 50); });
      }
    }
  }

  async #feed({ offset, size, pts, key }) {
    const data = await this.#file.slice(offset, offset + size).arrayBuffer();
    this.#decoder.decode(new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp: Math.round(pts / this.#track.timescale * MICRO), data }));
  }

  async #paintFrame(frame, times, done, all) {
    let message;
    try {
      message = await planarMessage(frame, done, 0) ?? await rgbaMessage(frame, done);
    } finally {
      frame.close();
    }
    const painted = await this.#to.paint(message), head = readHeader(painted);
    this.#encoder ??= await this.#openEncoder(head, all);
    const micro = (ticks) => Math.round(ticks / this.#track.timescale * MICRO);
    const picture = videoFrame(painted, head, { timestamp: micro(times.start), duration: micro(times.duration) });
    this.#pending.push(times);
    const every = Math.max(1, Math.round(KEY_SECONDS * this.#track.timescale / times.duration));
    this.#encoder.encode(picture, { keyFrame: done % every === 1 || every === 1 });
    picture.close();
    this.#to.progress(done, all, painted);
    while (this.#encoder.encodeQueueSize > UNDER_WAY && !this.#failure) await new Promise((next) => setTimeout(next, 5));
  }

  async #openEncoder({ width, height }, all) {
    const seconds = this.#track.samples.reduce((sum, { duration }) => sum + duration, 0) / this.#track.timescale, rate = all / Math.max(seconds, 0.1);
    const common = { width, height, framerate: rate, bitrate: Math.round(width * height * rate * BITS_A_PIXEL), avc: { format: "avc" } };
    for (const codec of CODECS) {
      const { supported } = await VideoEncoder.isConfigSupported({ ...common, codec }).catch(() => ({}));
      if (!supported) continue;
      const encoder = new VideoEncoder({ output: (chunk, about) => this.#encoded(chunk, about), error: (why) => { this.#failure = why; } });
      encoder.configure({ ...common, codec });
      const { kind, timescale, matrix } = this.#track;
      this.#pictures = this.#writer.addTrack({ kind, timescale, matrix, width, height });
      if (this.#sound) this.#sounds = this.#writer.addTrack(this.#sound);
      return encoder;
    }
    throw new Error("this browser cannot code H.264 of this size; record the film while it plays");
  }

  #encoded(chunk, { decoderConfig } = {}) {
    if (decoderConfig?.description) {
      const { codedWidth, codedHeight, description } = decoderConfig;
      this.#writer.setEntry(this.#pictures, avcEntry(codedWidth, codedHeight, new Uint8Array(description.slice?.(0) ?? description)));
    }
    const { duration } = this.#pending.shift(), bytes = new Uint8Array(chunk.byteLength);
    chunk.copyTo(bytes);
    this.#writer.add(this.#pictures, bytes, { duration, key: chunk.type === "key" });
  }

  // Sound goes behind the pictures: whole, byte by byte.
  async #finish() {
    if (!this.#encoder) throw new Error("the film holds no picture that can be shown");
    await this.#encoder.flush();
    for (const { offset, size, duration, key } of this.#sounds === null ? [] : this.#sound.samples) {
      this.#writer.add(this.#sounds, new Uint8Array(await this.#file.slice(offset, offset + size).arrayBuffer()), { duration, key });
    }
    return this.#writer.finish();
  }
}

// A frame without planes, through a canvas.
async function rgbaMessage(frame, sequence) {
  const [width, height] = [frame.displayWidth & ~1, frame.displayHeight & ~1];
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(frame, 0, 0);
  const message = new Uint8Array(24 + 4 * width * height), head = new DataView(message.buffer);
  head.setUint8(0, 2);
  head.setUint16(2, width, true);
  head.setUint16(4, height, true);
  head.setUint32(8, sequence, true);
  message.set(context.getImageData(0, 0, width, height).data, 24);
  return message.buffer;
}
