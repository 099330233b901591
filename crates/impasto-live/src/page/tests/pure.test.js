// The page's pure parts; `node --test crates/impasto-live/src/page/tests`.

import assert from "node:assert/strict";
import test from "node:test";
import { left, line } from "../deepening.js";
import { fitting, flipped, found, shares, stepped, toggled, weighted } from "../mix.js";
import { contained } from "../picture.js";
import { Store } from "../store.js";
import { cameraFault, cameras, dialValue, figures, flashes, isTooSlow, keyAction, serverFault, styleName } from "../words.js";

const styles = [
  { id: "starry-night", name: "starry-night", source: "Vincent van Gogh, 1889" },
  { id: "waves", name: "waves", source: "Katsushika Hokusai" },
  { id: "kiss", name: "kiss", source: "Gustav Klimt" },
];
const ids = (list) => list.map(({ id }) => id);

test("search takes all words, in any order, over name and source", () => {
  assert.deepEqual(ids(found(styles, "", [], false)), ["starry-night", "waves", "kiss"]);
  assert.deepEqual(ids(found(styles, "  GOGH night ", [], false)), ["starry-night"]);
  assert.deepEqual(ids(found(styles, "night klimt", [], false)), []);
  assert.deepEqual(ids(found(styles, "", ["kiss", "gone"], true)), ["kiss"]);
});

test("a style comes into the mix with the mean weight, and the last one stays", () => {
  const one = [{ id: "waves", weight: 1 }];
  assert.deepEqual(toggled(one, "kiss"), [{ id: "waves", weight: 1 }, { id: "kiss", weight: 1 }]);
  assert.deepEqual(toggled([{ id: "a", weight: 0.2 }, { id: "b", weight: 0.4 }], "c").at(-1).weight.toFixed(3), "0.300");
  assert.deepEqual(toggled(toggled(one, "kiss"), "waves"), [{ id: "kiss", weight: 1 }]);
  assert.equal(toggled(one, "waves"), one);
  assert.deepEqual(toggled([], "kiss"), [{ id: "kiss", weight: 1 }]);
});

test("weights never all become zero, and shares sum to one", () => {
  const mix = [{ id: "a", weight: 1 }, { id: "b", weight: 3 }];
  assert.deepEqual(shares(mix).map(({ share }) => share), [0.25, 0.75]);
  assert.deepEqual(weighted(mix, "a", 0), [{ id: "a", weight: 0 }, { id: "b", weight: 3 }]);
  assert.equal(weighted([{ id: "a", weight: 1 }], "a", 0)[0].weight, 1);
  assert.deepEqual(shares([{ id: "a", weight: 0 }]).map(({ share }) => share), [0]);
});

test("stepping goes round, and starts somewhere from a style that is not shown", () => {
  assert.equal(stepped(styles, [{ id: "kiss" }], 1), "starry-night");
  assert.equal(stepped(styles, [{ id: "starry-night" }], -1), "kiss");
  assert.equal(stepped(styles, [{ id: "gone" }], 1), "starry-night");
  assert.equal(stepped(styles, [], -1), "kiss");
  assert.equal(stepped([], [], 1), undefined);
});

test("saved settings lose styles that are gone, and damaged ones are nothing", () => {
  assert.deepEqual(fitting({ strength: 0.5, styles: [{ id: "kiss", weight: 1 }, { id: "gone", weight: 1 }] }, styles),
    { strength: 0.5, styles: [{ id: "kiss", weight: 1 }] });
  assert.deepEqual(fitting({ strength: 0.5, styles: [{ id: "gone", weight: 1 }] }, styles), { strength: 0.5 });
  for (const bad of [null, "x", 3]) assert.equal(fitting(bad, styles), null);
});

test("favourites come and go", () => {
  assert.deepEqual(flipped(["a"], "b"), ["a", "b"]);
  assert.deepEqual(flipped(["a", "b"], "a"), ["b"]);
});

test("a browser that stores nothing, or rubbish, gives presets", () => {
  const refusing = { getItem() { throw new Error("blocked"); }, setItem() { throw new Error("blocked"); } };
  for (const storage of [undefined, refusing, { getItem: () => "{bad", setItem() {} }, { getItem: () => null, setItem() {} }]) {
    const store = new Store(storage);
    store.set("a", 1);
    assert.equal(store.get("a", "preset"), "preset");
  }
  const kept = {};
  const store = new Store({ getItem: (name) => kept[name] ?? null, setItem: (name, value) => { kept[name] = value; } });
  store.set("a", [1]);
  assert.deepEqual(store.get("a", []), [1]);
});

test("pictures of every shape lie whole in the middle of their box", () => {
  assert.deepEqual(contained({ width: 100, height: 100 }, 160, 90), { left: 0, top: 21.875, width: 100, height: 56.25 });
  assert.deepEqual(contained({ width: 200, height: 90 }, 90, 160), { left: 74.6875, top: 0, width: 50.625, height: 90 });
  assert.deepEqual(contained({ width: 64, height: 48 }, 640, 480), { left: 0, top: 0, width: 64, height: 48 });
});

const stats = { frames_painted: 9, frames_dropped: 5, fps: 12.34, latency_p50_ms: 41.6, working_width: 480, working_height: 270, flashes: 0 };

test("figures tell the size, and where the machine is too slow", () => {
  const auto = { resolution: 0, target_fps: 24 };
  assert.equal(figures({ ...stats, fps: 24 }, auto), "24.0 frames/s · 42 ms · 480×270");
  assert.match(figures(stats, auto), /this machine is busy/);
  assert.match(figures({ frames_painted: 0 }, auto), /waiting/);
  assert.match(figures({ ...stats, latency_p50_ms: null }, auto), /· – ·/);
  assert.equal(isTooSlow(stats, { resolution: 480, target_fps: 24 }), false);
  assert.equal(isTooSlow({ ...stats, frames_dropped: 0 }, auto), false, "a slow camera is no busy machine");
});

test("flashes are told as the setting says", () => {
  assert.match(flashes({ flashes: 5 }, "warn"), /5 times/);
  assert.equal(flashes({ flashes: 3 }, "warn"), "");
  assert.equal(flashes({ flashes: 9, flashes_damped: false }, "off"), "");
  assert.match(flashes({ flashes: 3, flashes_damped: true }, "limit"), /damped/);
});

test("faults are told in words", () => {
  assert.match(serverFault(401), /token/);
  assert.match(serverFault(0), /trying again/);
  assert.match(cameraFault({ name: "NotFoundError" }), /no camera/);
  assert.match(cameraFault({ name: "Odd", message: "xyz" }), /xyz/);
});

test("the list of cameras is never dead", () => {
  const device = (deviceId, label = "") => ({ kind: "videoinput", deviceId, label });
  const own = { browser: true, name: "demo" };
  assert.deepEqual(cameras([], "gone", own), { options: [["the browser's camera", ""], ["demo scene", "own"]], value: "" });
  assert.deepEqual(cameras([device("a"), { kind: "audioinput" }], "gone", own).value, "a");
  assert.deepEqual(cameras([device("a"), device("b", "Webcam")], "b", own), { options: [["Camera 1", "a"], ["Webcam", "b"], ["demo scene", "own"]], value: "b" });
  assert.deepEqual(cameras([device("a")], "a", { browser: false, name: "film.mp4" }), { options: [["film.mp4", "own"]], value: "own" });
});

test("keys mean what the list says, and nothing while somebody types", () => {
  const press = (key, where = "", more = {}) => keyAction({ key, ...more }, where);
  assert.deepEqual(press("0"), ["strength", 1]);
  assert.deepEqual(press("7"), ["strength", 0.7]);
  assert.deepEqual(press("ArrowLeft"), ["step", -1]);
  assert.equal(press("ArrowLeft", "slider"), null);
  assert.deepEqual(press("S"), ["split"]);
  assert.equal(press("s", "text"), null);
  assert.equal(press("r", "", { ctrlKey: true }), null, "the browser's own reload");
  assert.equal(press("x"), null);
});

test("names and values are written as people do", () => {
  assert.equal(styleName("starry-night"), "Starry night");
  assert.equal(styleName("--"), "--");
  assert.equal(dialValue("brush", "1.5"), "1.5×");
  assert.equal(dialValue("strength", 0.66), "66 %");
});

test("the line about deepening says what can be done", () => {
  const dropped = { id: "a", name: "the-wave", deepens: true, deepened: false, tuned: false };
  const builtin = { id: "b", name: "kiss", deepens: false, deepened: false, tuned: false };
  const with_ = (status, more = {}) => ({ styles: [dropped, builtin], camera: {}, settings: { styles: [{ id: "a", weight: 1 }] },
    deepening: { offered: true, current: null, styles: status ? { a: status } : {} }, ...more });
  const buttons = (status, more, steering = true) => line(with_(status, more), steering).buttons.join();
  assert.equal(line({ ...with_(), deepening: { offered: false, styles: {} } }, true), null);
  assert.equal(line(with_(null, { camera: { paints: true } }), true), null, "a camera that paints has weights of its own");
  assert.equal(buttons(null), "deepen");
  assert.equal(buttons(null, { settings: { styles: [{ id: "b", weight: 1 }] } }), "picture", "there is no painting to learn from");
  assert.equal(line(with_(null, { settings: { styles: [{ id: "a" }, { id: "b" }] } }), true), null, "a mix is none");
  const learning = { phase: "learning", part: 0.34, seconds_left: 200, deepened: true };
  assert.equal(buttons(learning), "stop,rest,undo");
  assert.equal(line(with_(learning), true).words, "Learning · 34 % · about 3 min left");
  assert.equal(buttons(learning, { recording: "a.mp4" }), "stop,undo", "a picture that is recorded does not rest");
  assert.equal(buttons({ ...learning, rest: true }), "stop,paint,undo");
  assert.match(line(with_({ ...learning, slow: true }), true).hint, /little to spare/);
  assert.equal(buttons(learning, {}, false), "", "a second viewer looks on");
  assert.equal(buttons({ phase: "stopped", part: 0.5, deepened: true }), "on,undo,save");
  // Of the runs' own list the server leaves that out; the style says it.
  const deep = [{ ...dropped, deepened: true, tuned: true }, builtin];
  assert.equal(buttons({ ...learning, deepened: false }, { styles: deep }), "stop,rest,undo");
  assert.equal(buttons({ phase: "done", part: 1, deepened: true }), "undo,save");
  assert.equal(line(with_({ phase: "failed", part: 0, error: "no memory" }), true).hint, "no memory");
  const both = with_(learning, { settings: { styles: [{ id: "a" }, { id: "b" }] } });
  both.deepening.current = "a";
  assert.equal(line(both, true).title, "The wave", "what learns is shown beside a mix");
});

test("time that is left is told roughly", () => {
  assert.deepEqual([null, 20, 100, 3000, 22000].map(left), ["", " · under a minute left", " · about 2 min left", " · about 50 min left", " · about 6 h left"]);
});
