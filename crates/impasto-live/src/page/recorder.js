// Recording and snapshots in the browser.

const TYPES = ["video/mp4;codecs=avc1", "video/webm;codecs=vp9", "video/webm"];
const stamp = () => new Date().toISOString().slice(0, 19).replaceAll(":", "-");

export function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

export const snapshot = (canvas) => canvas.toBlob((blob) => save(blob, `impasto-${stamp()}.png`), "image/png");

// The sound of a film that plays; the page itself stays silent.
function soundOf(film) {
  film.sound ??= new AudioContext();
  film.heard ??= film.sound.createMediaStreamDestination();
  film.source ??= film.sound.createMediaElementSource(film);
  film.source.connect(film.heard);
  film.muted = false;
  return new MediaStream(film.heard.stream.getAudioTracks().map((track) => track.clone()));
}

export class CanvasRecorder {
  #recorder; #stream;

  get isRunning() { return Boolean(this.#recorder); }

  // Records `canvas` from now on, with the microphone if asked, else with the sound of `film`; `ended` is called when the file has been saved.
  async start(canvas, sound, ended, film) {
    this.#stream = canvas.captureStream();
    const heard = sound ? await navigator.mediaDevices.getUserMedia({ audio: true }) : film && soundOf(film);
    heard?.getAudioTracks().forEach((track) => this.#stream.addTrack(track));
    const type = TYPES.find((type) => MediaRecorder.isTypeSupported(type)), parts = [];
    const recorder = new MediaRecorder(this.#stream, { mimeType: type, videoBitsPerSecond: 8e6 });
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.onstop = () => {
      this.#stream.getAudioTracks().forEach((track) => track.stop());
      save(new Blob(parts, { type }), `impasto-${stamp()}.${type.includes("mp4") ? "mp4" : "webm"}`);
      this.#recorder = undefined;
      ended();
    };
    recorder.start(1000);
    this.#recorder = recorder;
  }

  stop() { this.#recorder?.stop(); }
}
