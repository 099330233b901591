// Runs beside the page, on the sound system's thread: hands blocks of one channel out, and how many samples went before each.

class Listener extends AudioWorkletProcessor {
  #block = new Float32Array(960); #filled = 0; #start = 0;

  process([channels]) {
    const heard = channels.length ? channels : [new Float32Array(128)];
    for (let i = 0; i < heard[0].length; i++) {
      let sum = 0;
      for (const channel of heard) sum += channel[i];
      if (this.#filled === 0) this.#start = currentFrame + i;
      this.#block[this.#filled++] = sum / heard.length;
      if (this.#filled < this.#block.length) continue;
      this.port.postMessage({ block: this.#block, start: this.#start }, [this.#block.buffer]);
      this.#block = new Float32Array(960);
      this.#filled = 0;
    }
    return true;
  }
}

registerProcessor("listener", Listener);
