// What the page says.

// The smallest size that is chosen by itself, in px (adapt.rs).
const FLOOR_PX = 270;

// Speed in one line: rate, time from the camera to here, the size that is painted. `settings` tell what was aimed at.
export function figures(stats, settings) {
  if (!stats.frames_painted) return "waiting for the first frame";
  const ms = (value) => (value == null ? "–" : `${Math.round(value)} ms`);
  const busy = isTooSlow(stats, settings) ? ["this machine is busy: frames are left out"] : [];
  const size = `${stats.working_width}×${stats.working_height}`;
  return [`${stats.fps.toFixed(1)} frames/s`, ...busy, ms(stats.latency_p50_ms), size].join(" · ");
}

// At the smallest size, and still too few frames.
export function isTooSlow(stats, settings) {
  const side = Math.min(stats.working_width, stats.working_height);
  return settings.resolution === 0 && side <= FLOOR_PX && stats.fps < 0.8 * settings.target_fps && stats.frames_dropped > 0;
}

export function flashes(stats, setting) {
  if (setting === "warn" && stats.flashes > 3) {
    return `The painting flashes ${stats.flashes} times a second; more than 3 can cause seizures. “Camera and more” can limit it.`;
  }
  return stats.flashes_damped ? "Flashes are damped." : "";
}

// Why the browser gives no camera.
export function cameraFault({ name, message }) {
  const words = {
    NotAllowedError: "The browser was not allowed to use the camera", NotFoundError: "This browser has no camera",
    OverconstrainedError: "The camera that was chosen is not there", NotReadableError: "Another program uses the camera",
    TypeError: "Browsers give cameras to pages of 127.0.0.1 or HTTPS only",
  };
  return words[name] ?? `The camera cannot be used: ${message}`;
}

// Why the server does not answer as wanted; `status` is 0 where it does not answer at all.
export function serverFault(status) {
  if (status === 401) return "The token is missing or wrong. Open the address that `impasto live` printed, with all that stands after ?token=.";
  if (status === 403) return "The program does not answer to this address. Open the one that `impasto live` printed.";
  return "The program does not answer; trying again …";
}

// What a dial shows: shares in %, the brush as a factor.
export const dialValue = (name, value) => (name === "brush" ? `${(+value).toFixed(1)}×` : `${Math.round(value * 100)} %`);

// Names of styles as people write them: `starry-night` is "Starry night".
export function styleName(name) {
  const text = name.replaceAll(/[-_]+/g, " ").trim();
  return text ? text[0].toUpperCase() + text.slice(1) : name;
}

// The cameras to choose from, as `[text, value]`, and the one that is chosen. `own` is the program's; a camera that was chosen once and is gone is
// none of them, and the first takes its place. `file` is a photo or film that is painted instead.
export function cameras(devices, chosen, own, file) {
  const inputs = devices.filter(({ kind }) => kind === "videoinput");
  const browser = inputs.map(({ label, deviceId }, i) => [label || `Camera ${i + 1}`, deviceId]);
  if (!own.browser) return { options: [[own.name, "own"]], value: "own" };
  const options = [...(browser.length ? browser : [["the browser's camera", ""]]), ["demo scene", "own"], ...(file ? [file] : [])];
  return { options, value: options.some(([, value]) => value === chosen) ? chosen : options[0][1] };
}

// The action of a key, or null. `where` is what is focused: "text", "slider" or "".
export function keyAction({ key, ctrlKey, metaKey, altKey }, where) {
  if (ctrlKey || metaKey || altKey || where === "text") return null;
  if (/^[0-9]$/.test(key)) return ["strength", key === "0" ? 1 : key / 10];
  if (key === "ArrowRight" || key === "ArrowLeft") return where === "slider" ? null : ["step", key === "ArrowRight" ? 1 : -1];
  const actions = { s: "split", m: "mirror", p: "snapshot", r: "record", f: "fullscreen", h: "panel", c: "keepColor", "/": "search", "?": "help" };
  const action = actions[key] ?? actions[key.toLowerCase()];
  return action ? [action] : null;
}
