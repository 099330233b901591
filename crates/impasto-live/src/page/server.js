// The program behind the page: its API, and the socket. A page without a server has a file of this name too, with the same exports
// (crates/impasto-web/src/page/server.js): that is all that tells the two pages apart.

const query = new URLSearchParams(location.search);
// The server has made a cookie of it; here it stays in memory, for browsers that keep no cookies.
const token = query.get("token") ?? "";
if (token) {
  query.delete("token");
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
}
export const parameter = (name, preset) => query.get(name) ?? preset;

// The camera's height in px that is asked for, and whether frames may come as JPEG.
export const home = { cameraHeight: 720, jpeg: true };
// What a page without a server can do besides; this one has a server.
export const alone = null;

// Shows a picture of the API.
export function picture(image, path, parts) { image.src = address(path, parts); }

// An address of this server, for files and the socket.
export function address(path, parts = {}) {
  const words = new URLSearchParams(token ? { ...parts, token } : parts);
  return words.size ? `${path}?${words}` : path;
}

export async function call(method, path, body, type = "application/json") {
  const headers = { ...(token && { "x-impasto-token": token }), ...(body !== undefined && { "content-type": type }) };
  const answer = await fetch(path, { method, body, headers });
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const { error } = await answer.json().catch(() => ({ error: answer.statusText }));
  throw Object.assign(new Error(error), { status: answer.status });
}

// What an attempt to ask for the state comes to: 200, 401, …, or 0 where nothing answers.
const status = () => call("GET", "/api/state").then(() => 200, (why) => why.status ?? 0);

// A socket that opens itself again. `on` has `open()`, `message(data)` and `closed(status, reason)`.
export class Line {
  #socket; #wait = 300; #on;

  constructor(on) {
    this.#on = on;
    this.#open();
  }

  #open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.#socket = Object.assign(new WebSocket(`${scheme}://${location.host}${address("/ws")}`), { binaryType: "arraybuffer" });
    this.#socket.onopen = () => { this.#wait = 300; this.#on.open(); };
    this.#socket.onmessage = ({ data }) => this.#on.message(data);
    this.#socket.onclose = async ({ reason }) => {
      const found = await status();
      // It has come back in the meantime.
      this.#on.closed(found === 200 && !reason ? 0 : found, reason);
      setTimeout(() => this.#open(), this.#wait);
      this.#wait = Math.min(2 * this.#wait, 4000);
    };
  }

  get isOpen() { return this.#socket.readyState === WebSocket.OPEN; }
  send(message) { if (this.isOpen) this.#socket.send(message); }
  say(message) { this.send(JSON.stringify(message)); }
}
