// MP4 files, written and read back; `node --test crates/impasto-web/src/page/tests`.

import assert from "node:assert/strict";
import test from "node:test";
import { readMp4 } from "../mp4read.js";
import { Mp4Writer, avcEntry } from "../mp4write.js";

const CONFIG = Uint8Array.from([1, 0x64, 0, 0x28, 0xff, 0xe1, 0, 0]);

function written() {
  const writer = new Mp4Writer();
  const pictures = writer.addTrack({ kind: "vide", timescale: 600, width: 64, height: 48 });
  const sounds = writer.addTrack({ kind: "soun", timescale: 48000, entry: Uint8Array.from([0, 0, 0, 12, ...new TextEncoder().encode("mp4a"), 1, 2, 3, 4]), shift: 1024 });
  writer.add(pictures, Uint8Array.of(1, 2, 3), { duration: 20, key: true });
  writer.add(pictures, Uint8Array.of(4), { duration: 20, key: false });
  writer.add(sounds, Uint8Array.of(5, 6), { duration: 1024, key: true });
  writer.add(pictures, Uint8Array.of(7, 8), { duration: 45, key: true });
  writer.setEntry(pictures, avcEntry(64, 48, CONFIG));
  return writer.finish();
}

test("what was written is read: places, times, keys, entries", async () => {
  const file = written(), { tracks: [pictures, sounds] } = await readMp4(file);
  assert.deepEqual([pictures.kind, pictures.format, pictures.timescale, pictures.width, pictures.height, pictures.shift], ["vide", "avc1", 600, 64, 48, 0]);
  assert.deepEqual(pictures.config, CONFIG);
  assert.deepEqual(pictures.samples.map(({ dts, duration, key }) => [dts, duration, key]), [[0, 20, true], [20, 20, false], [40, 45, true]]);
  assert.deepEqual([sounds.kind, sounds.format, sounds.timescale, sounds.shift], ["soun", "mp4a", 48000, 1024]);
  const bytes = await Promise.all([...pictures.samples, ...sounds.samples].map(async ({ offset, size }) => [...new Uint8Array(await file.slice(offset, offset + size).arrayBuffer())]));
  assert.deepEqual(bytes, [[1, 2, 3], [4], [7, 8], [5, 6]]);
});

test("a track without an entry or a sample is left out", async () => {
  const writer = new Mp4Writer();
  writer.addTrack({ kind: "vide", timescale: 600 });
  const sounds = writer.addTrack({ kind: "soun", timescale: 8000, entry: Uint8Array.from([0, 0, 0, 8, ...new TextEncoder().encode("mp4a")]) });
  writer.add(sounds, Uint8Array.of(1), { duration: 1, key: true });
  assert.deepEqual((await readMp4(writer.finish())).tracks.map(({ kind }) => kind), ["soun"]);
});

test("damaged files and other kinds are refused with words", async () => {
  await assert.rejects(readMp4(new Blob(["no film at all, only words"])), /no MP4|damaged/);
  await assert.rejects(readMp4(new Blob([])), /no MP4/);
  const whole = new Uint8Array(await written().arrayBuffer());
  await assert.rejects(readMp4(new Blob([whole.subarray(0, whole.length - 40)])), /damaged|no MP4|offset|bounds/i);
  for (let at = 60; at < whole.length; at += 7) {
    const bad = whole.slice();
    bad[at] ^= 0xff;
    // Read or refused, but never for ever.
    await readMp4(new Blob([bad])).catch((why) => assert.ok(why.message.length > 5));
  }
});
