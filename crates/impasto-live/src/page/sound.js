// The microphone as packets of Opus for a recording on the server: one channel, 48,000 samples a second, 20 ms a packet.

import { soundMessage } from "./frames.js";

const RATE = 48000;
const epoch = () => performance.timeOrigin + performance.now();

export class Microphone {
  #context; #stream; #encoder; #offset = Infinity;

  // Hands each packet to `send` as a message. Fails with words where the browser cannot do it.
  static async open(send) {
    if (!("AudioEncoder" in globalThis && "AudioWorkletNode" in globalThis)) throw new Error("this browser cannot code sound");
    const microphone = new Microphone();
    try {
      await microphone.#start(send);
    } catch (why) {
      microphone.close();
      throw why;
    }
    return microphone;
  }

  async #start(send) {
    this.#stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    this.#context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    await this.#context.audioWorklet.addModule("listener.js");
    this.#encoder = new AudioEncoder({
      output: (chunk) => {
        const packet = new Uint8Array(chunk.byteLength);
        chunk.copyTo(packet);
        send(soundMessage(packet, this.#offset + chunk.timestamp / 1000));
      },
      error: () => this.close(),
    });
    this.#encoder.configure({ codec: "opus", sampleRate: RATE, numberOfChannels: 1, bitrate: 64000 });
    const node = new AudioWorkletNode(this.#context, "listener", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => this.#hear(data);
    this.#context.createMediaStreamSource(this.#stream).connect(node);
    await this.#context.resume();
  }

  #hear({ block, start }) {
    if (this.#encoder?.state !== "configured") return;
    const timestamp = start * 1e6 / RATE;
    // When sample 0 was heard, by the page's clock: the block that was handed over with the least delay tells it best.
    const ended = (start + block.length) * 1000 / RATE;
    this.#offset = Math.min(this.#offset, epoch() - ended);
    const data = new AudioData({ format: "f32", sampleRate: RATE, numberOfChannels: 1, numberOfFrames: block.length, timestamp, data: block });
    this.#encoder.encode(data);
    data.close();
  }

  close() {
    if (this.#encoder && this.#encoder.state !== "closed") this.#encoder.close();
    this.#context?.close();
    this.#stream?.getTracks().forEach((track) => track.stop());
    [this.#encoder, this.#context, this.#stream] = [];
  }
}
