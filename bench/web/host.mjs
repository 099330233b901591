// A plain static host, for the scripts beside this one: it sends files and nothing else, as GitHub Pages does.

import { createReadStream, existsSync, statSync } from "node:fs";
import http from "node:http";
import path from "node:path";

const KINDS = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".svg": "image/svg+xml",
  ".png": "image/png", ".jpg": "image/jpeg", ".mp4": "video/mp4", ".webmanifest": "application/manifest+json" };

// Serves `folders` (the first that has a file wins) on 127.0.0.1; `headers` go with every answer. Gives `{origin, bytes(), close()}`.
export async function host(folders, headers = {}) {
  let bytes = 0;
  const server = http.createServer((request, answer) => {
    const name = decodeURIComponent(new URL(request.url, "http://host").pathname);
    const found = folders.map((folder) => path.join(folder, path.normalize(name), name.endsWith("/") ? "index.html" : "")).find((file) => existsSync(file) && statSync(file).isFile());
    if (!found) return answer.writeHead(404, headers).end("nothing here");
    bytes += statSync(found).size;
    answer.writeHead(200, { "content-type": KINDS[path.extname(found)] ?? "application/octet-stream", "content-length": statSync(found).size, ...headers });
    createReadStream(found).pipe(answer);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const close = () => new Promise((done) => { server.close(done); server.closeAllConnections(); });
  return { origin: `http://127.0.0.1:${server.address().port}`, bytes: () => bytes, close };
}
