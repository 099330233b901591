// Frames on the wire (the layout stands in codec.rs), and cameras of the browser.

const HEADER = 24, SOUND = 16;
const FORMATS = ["i420", "jpeg", "rgba"];
const MAX_LONGER_SIDE = 1280;
const epoch = () => performance.timeOrigin + performance.now();

// Chromium reads and shows planar frames without a detour; others go through JPEG and RGBA.
export const hasPlanar = "VideoFrame" in globalThis && "MediaStreamTrackProcessor" in globalThis;
export const wireFormat = hasPlanar ? "i420" : "rgba";

function header(format, color, width, height, sequence, capturedMs) {
  const bytes = new DataView(new ArrayBuffer(HEADER));
  bytes.setUint8(0, FORMATS.indexOf(format));
  bytes.setUint8(1, color);
  bytes.setUint16(2, width, true);
  bytes.setUint16(4, height, true);
  bytes.setUint32(8, sequence, true);
  bytes.setFloat64(16, capturedMs, true);
  return new Uint8Array(bytes.buffer);
}

// A packet of Opus that begins to be heard at `capturedMs`.
export function soundMessage(packet, capturedMs) {
  const message = new Uint8Array(HEADER + packet.length);
  message[0] = SOUND;
  new DataView(message.buffer).setFloat64(16, capturedMs, true);
  message.set(packet, HEADER);
  return message.buffer;
}

export function readHeader(buffer) {
  const bytes = new DataView(buffer);
  return {
    format: FORMATS[bytes.getUint8(0)], color: bytes.getUint8(1), width: bytes.getUint16(2, true), height: bytes.getUint16(4, true),
    sequence: bytes.getUint32(8, true), capturedMs: bytes.getFloat64(16, true),
  };
}

// Draws a painted frame; gives its header.
export async function show(buffer, canvas) {
  const head = readHeader(buffer);
  const { width, height } = head;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { desynchronized: true });
  if (head.format === "i420") {
    const frame = videoFrame(buffer, head, {});
    context.drawImage(frame, 0, 0);
    frame.close();
  } else if (head.format === "rgba") {
    context.putImageData(new ImageData(new Uint8ClampedArray(buffer, HEADER), width, height), 0, 0);
  } else {
    const picture = await createImageBitmap(new Blob([new Uint8Array(buffer, HEADER)], { type: "image/jpeg" }));
    context.drawImage(picture, 0, 0);
    picture.close();
  }
  return head;
}

// A frame of planes, or of RGBA, as the browser's own; `times` has its timestamp and duration in microseconds.
export function videoFrame(buffer, head, times) {
  const { width, height } = head, matrix = head.color & 1 ? "bt709" : "smpte170m", planar = head.format === "i420";
  const colorSpace = { matrix, primaries: "bt709", transfer: "bt709", fullRange: (head.color & 2) > 0 };
  return new VideoFrame(new Uint8Array(buffer, HEADER), {
    format: planar ? "I420" : "RGBX", codedWidth: width, codedHeight: height, timestamp: 0, ...times, ...(planar && { colorSpace }),
  });
}

export const latencyMs = (head) => epoch() - head.capturedMs;

// A frame of the browser as a message, or null where it has no planes that are known here. Odd sides lose their last row or column.
export async function planarMessage(frame, sequence, at) {
  const rect = { x: frame.visibleRect.x, y: frame.visibleRect.y, width: frame.visibleRect.width & ~1, height: frame.visibleRect.height & ~1 };
  const space = frame.colorSpace ?? {}, color = (space.matrix === "bt709" ? 1 : 0) + (space.fullRange ? 2 : 0);
  const { width, height } = rect;
  const message = new Uint8Array(HEADER + width * height * 3 / 2);
  message.set(header("i420", color, width, height, sequence, at));
  const pixels = message.subarray(HEADER);
  const layout = [
    { offset: 0, stride: width }, { offset: width * height, stride: width / 2 },
    { offset: width * height * 5 / 4, stride: width / 2 },
  ];
  if (frame.format === "I420") {
    await frame.copyTo(pixels, { rect, layout });
  } else if (frame.format === "I420A") {
    // The plane of transparency comes last and is left out.
    const planes = new Uint8Array(width * height * 5 / 2);
    await frame.copyTo(planes, { rect, layout: [...layout, { offset: width * height * 3 / 2, stride: width }] });
    pixels.set(planes.subarray(0, width * height * 3 / 2));
  } else if (frame.format === "NV12") {
    const planes = new Uint8Array(width * height * 3 / 2);
    await frame.copyTo(planes, { rect, layout: [{ offset: 0, stride: width }, { offset: width * height, stride: width }] });
    pixels.set(planes.subarray(0, width * height));
    const quarter = width * height / 4, u = width * height, v = u + quarter;
    for (let i = 0; i < quarter; i++) { pixels[u + i] = planes[u + 2 * i]; pixels[v + i] = planes[u + 2 * i + 1]; }
  } else {
    return null;
  }
  return message.buffer;
}

// Gives the newest frame of a camera, or of a film that plays, as a message; frames between are dropped.
export class BrowserCamera {
  #track; #reader; #video; #canvas; #newest; #jpeg; #sequence = 0; #then = () => {};

  // Where the browser gives no planes, frames are JPEG if `jpeg` allows, else RGBA.
  static async open(deviceId, height, jpeg) {
    const size = { height: { ideal: height }, width: { ideal: Math.round(height * 16 / 9) }, frameRate: { ideal: 30 } };
    const video = deviceId ? { deviceId: { exact: deviceId }, ...size } : size;
    const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    return new BrowserCamera(stream, jpeg);
  }

  // A film that plays over and over, at its own pace; its sound is in `video`.
  static async film(file) {
    const video = Object.assign(document.createElement("video"), { src: URL.createObjectURL(file), loop: true, muted: true, playsInline: true });
    await new Promise((done, failed) => {
      video.onloadeddata = done;
      video.onerror = () => failed(new Error(`${file.name} is no film that this browser can read; take an MP4 with H.264, or a WebM`));
    });
    const film = new BrowserCamera(null, false);
    film.label = file.name;
    film.video = video;
    await film.#play(video);
    return film;
  }

  constructor(stream, jpeg) {
    [this.stream, this.#jpeg] = [stream, jpeg];
    if (!stream) return;
    this.#track = stream.getVideoTracks()[0];
    this.label = this.#track.label;
    if (hasPlanar) this.#pump();
    else this.#play(Object.assign(document.createElement("video"), { srcObject: this.stream, muted: true, playsInline: true }));
  }

  get ended() { return this.#track?.readyState === "ended"; }
  onEnded(then) { this.#track?.addEventListener("ended", then); }
  onFrame(then) { this.#then = then; }
  // Number of the last frame that was handed out.
  get given() { return this.#sequence - 1; }

  async #pump() {
    this.#reader = new MediaStreamTrackProcessor({ track: this.#track, maxBufferSize: 1 }).readable.getReader();
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) return;
      this.#newest?.frame.close();
      this.#newest = { frame: value, at: epoch() };
      this.#then();
    }
  }

  async #play(video) {
    this.#video = video;
    this.#canvas = document.createElement("canvas");
    await video.play();
    const next = () => {
      this.#newest = { at: epoch() };
      this.#then();
      this.#video.requestVideoFrameCallback?.(next);
    };
    this.#video.requestVideoFrameCallback?.(next);
  }

  // The newest frame as a message for the server, or null where there is none newer than the last.
  async take() { return this.#video ? this.#takeShown() : this.#takePlanar(); }

  async #takePlanar() {
    const newest = this.#newest;
    if (!newest) return null;
    this.#newest = undefined;
    const { frame, at } = newest;
    try {
      return await planarMessage(frame, this.#sequence, at) ?? this.#takeRgba(frame, frame.visibleRect, at);
    } finally {
      this.#sequence++;
      frame.close();
    }
  }

  // No more px than a frame may have on its way.
  async #takeRgba(frame, rect, at) {
    const by = Math.min(1, MAX_LONGER_SIDE / Math.max(rect.width, rect.height));
    const [width, height] = [rect.width, rect.height].map((side) => Math.max(1, Math.round(side * by)));
    this.#canvas ??= document.createElement("canvas");
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    const context = this.#canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(frame, 0, 0, width, height);
    const message = new Uint8Array(HEADER + 4 * width * height);
    message.set(header("rgba", 0, width, height, this.#sequence, at));
    message.set(context.getImageData(0, 0, width, height).data, HEADER);
    return message.buffer;
  }

  async #takeShown() {
    const { videoWidth: width, videoHeight: height } = this.#video ?? {};
    // Old browsers do not tell when a frame comes: then any moment has one.
    const newest = this.#video?.requestVideoFrameCallback ? this.#newest : { at: epoch() };
    if (!width || !newest) return null;
    this.#newest = undefined;
    if (!this.#jpeg) {
      const message = await this.#takeRgba(this.#video, { width, height }, newest.at);
      this.#sequence++;
      return message;
    }
    Object.assign(this.#canvas, { width, height });
    this.#canvas.getContext("2d").drawImage(this.#video, 0, 0);
    const file = await new Promise((done) => this.#canvas.toBlob(done, "image/jpeg", 0.9));
    const pixels = new Uint8Array(await file.arrayBuffer());
    const message = new Uint8Array(HEADER + pixels.length);
    message.set(header("jpeg", 0, width, height, this.#sequence++, newest.at));
    message.set(pixels, HEADER);
    return message.buffer;
  }

  stop() {
    this.#reader?.cancel();
    this.#newest?.frame?.close();
    this.stream?.getTracks().forEach((track) => track.stop());
    if (!this.video) return;
    this.video.pause();
    URL.revokeObjectURL(this.video.src);
  }
}
