// The parts of the page without a server that need no browser; `node --test crates/impasto-web/src/page/tests`.

import assert from "node:assert/strict";
import test from "node:test";
import { abilities, choose } from "../engine.js";
import { shareLink, sharedSettings } from "../share.js";

test("the fastest file that the browser can run is chosen, of those that the site has", () => {
  const all = ["impasto-threads-relaxed.wasm", "impasto-threads.wasm", "impasto-relaxed.wasm", "impasto.wasm"];
  assert.deepEqual(choose(4, true, all), { file: "impasto-threads-relaxed.wasm", threads: 4, relaxed: true });
  assert.deepEqual(choose(4, false, all), { file: "impasto-threads.wasm", threads: 4, relaxed: false });
  assert.deepEqual(choose(1, true, all), { file: "impasto-relaxed.wasm", threads: 1, relaxed: true });
  assert.deepEqual(choose(1, false, all), { file: "impasto.wasm", threads: 1, relaxed: false });
  assert.deepEqual(choose(4, false, ["impasto-relaxed.wasm", "impasto.wasm"]), { file: "impasto.wasm", threads: 1, relaxed: false });
  assert.equal(choose(4, false, ["impasto-relaxed.wasm"]), undefined);
});

test("abilities come from the engine that validates", () => {
  const { simd, threads } = abilities();
  assert.equal(simd, true, "every node from 16 on has simd128");
  assert.equal(threads, true);
});

test("a link carries the built-in styles and the dials, and nothing that belongs to the machine", () => {
  const styles = [{ id: "waves", builtin: true }, { id: "mine", builtin: false }];
  const settings = { styles: [{ id: "waves", weight: 1 / 3 }, { id: "mine", weight: 1 }], strength: 0.5, keep_color: 0, steady: 0.6, brush: 1, mirror: true, resolution: 360, rotate: 90 };
  const link = shareLink("https://example.org/page/?threads=1#old", settings, styles);
  assert.ok(link.startsWith("https://example.org/page/?threads=1#"));
  assert.deepEqual(sharedSettings(new URL(link).hash), { styles: [{ id: "waves", weight: 0.333 }], strength: 0.5, keep_color: 0, steady: 0.6, brush: 1, mirror: true });
});

test("a link that carries nothing, or nonsense, sets nothing", () => {
  for (const hash of ["", "#", "#part", "#%7B", "#1", "#null", `#${encodeURIComponent('{"resolution": 1080}')}`]) assert.equal(sharedSettings(hash), null, hash);
});
