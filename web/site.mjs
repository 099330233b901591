// Makes the site of the page, the network, the styles and the WebAssembly files: node web/site.mjs WASM_FOLDER SITE_FOLDER
//
// The page is the live page (crates/impasto-live/src/page) with crates/impasto-web/src/page laid over it: server.js there is the painter in this
// browser in the place of the program. Everything is written beside SITE_FOLDER and renamed, so that a site is whole or not there.

import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";

const root = path.resolve(import.meta.dirname, "..");
const [wasm, out] = process.argv.slice(2);
if (!wasm || !out) {
  console.error("node web/site.mjs WASM_FOLDER SITE_FOLDER");
  process.exit(2);
}

// Not part of a page without a server.
const LEFT_OUT = ["view.html", "package.json", "tests"];
const HEAD = `  <meta name="description" content="Paints your camera, photos and films in the style of a painting. Nothing leaves this device.">
  <meta name="theme-color" content="#161513">
  <meta http-equiv="Content-Security-Policy" content="default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; media-src 'self' blob: mediastream:; object-src 'none'; base-uri 'none'">
  <link rel="manifest" href="manifest.webmanifest">
  <link rel="apple-touch-icon" href="icon-192.png">
  <link rel="modulepreload" href="server.js">
`;

const site = `${path.resolve(out)}.tmp`;
rmSync(site, { recursive: true, force: true });
mkdirSync(site, { recursive: true });
for (const folder of ["crates/impasto-live/src/page", "crates/impasto-web/src/page"]) {
  for (const name of readdirSync(path.join(root, folder))) {
    if (!LEFT_OUT.includes(name)) cpSync(path.join(root, folder, name), path.join(site, name));
  }
}
const file = (name) => path.join(site, name);
const changed = (name, change) => writeFileSync(file(name), change(readFileSync(file(name), "utf8")));
const replaced = (text, from, to) => {
  if (!(from instanceof RegExp ? from.test(text) : text.includes(from))) throw new Error(`the page has no ${from}`);
  return text.replace(from, to);
};
changed("index.html", (text) => replaced(replaced(text, "</head>", `${HEAD}</head>`), 'href="data:,"', 'href="icon.svg" type="image/svg+xml"'));

// The network, and its styles in one file, without the half megabyte of weights that each was tuned to: each behind its length in 4 bytes, little-endian.
const models = path.join(root, "crates/impasto/models"), styles = path.join(root, "crates/impasto-styles");
cpSync(path.join(models, "light.safetensors"), file("light.safetensors"));
const names = readFileSync(path.join(styles, "styles.tsv"), "utf8").split("\n").map((line) => line.split("\t")[0]).filter(Boolean);
writeFileSync(file("styles.pack"), Buffer.concat(names.flatMap((name) => {
  const style = readFileSync(path.join(styles, "quick", `${name}.style`)), length = Buffer.alloc(4);
  length.writeUInt32LE(style.length);
  return [length, style];
})));
const engines = readdirSync(wasm).filter((name) => /^impasto(-threads)?(-relaxed)?\.wasm$/.test(name));
if (!engines.length) throw new Error(`${wasm} has no impasto*.wasm; run web/build.sh first`);
for (const name of engines) cpSync(path.join(wasm, name), file(name));
changed("engine.js", (text) => replaced(text, /const ENGINES = \[.*\];/, (list) => `const ENGINES = ${JSON.stringify(JSON.parse(list.slice(16, -1)).filter((name) => engines.includes(name)))};`));
for (const licence of ["LICENSE-MIT", "LICENSE-APACHE"]) cpSync(path.join(root, licence), file(`${licence}.txt`));

// The service worker keeps everything but the WebAssembly files, of which the page names the one that it uses.
const all = readdirSync(site).sort();
const kept = ["", ...all.filter((name) => name !== "sw.js" && !engines.includes(name) && !name.startsWith("LICENSE"))];
const hash = createHash("sha256");
for (const name of all) hash.update(name).update(readFileSync(file(name)));
const version = hash.digest("hex").slice(0, 12);
changed("sw.js", (text) => replaced(replaced(text, "@VERSION@", version), "/*@FILES@*/", kept.map((name) => JSON.stringify(name)).join(", ")));

rmSync(out, { recursive: true, force: true });
renameSync(site, out);
const wire = (name) => gzipSync(readFileSync(path.join(out, name))).length;
const first = all.filter((name) => !engines.includes(name) && !/^LICENSE|^icon-/.test(name)).reduce((sum, name) => sum + wire(name), 0);
for (const name of engines) {
  console.log(`${name}: ${statSync(path.join(out, name)).size} bytes; first painting with it: ${((first + wire(name)) / 1e6).toFixed(2)} MB over the wire (gzip)`);
}
