// An MP4 of one track of H.264 and, where there was one, the sound of the film that it was made from, copied byte by byte.

const ascii = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const u16 = (...values) => values.flatMap((value) => [(value >> 8) & 255, value & 255]);
const u32 = (...values) => values.flatMap((value) => [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
const u64 = (value) => [...u32(Math.floor(value / 2 ** 32)), ...u32(value >>> 0)];

// A box of parts, each bytes or a list of numbers.
function box(kind, ...parts) {
  const bytes = parts.map((part) => (part instanceof Uint8Array ? part : Uint8Array.from(part)));
  const size = 8 + bytes.reduce((sum, part) => sum + part.length, 0), whole = new Uint8Array(size);
  whole.set(u32(size));
  whole.set(ascii(kind), 4);
  let at = 8;
  for (const part of bytes) { whole.set(part, at); at += part.length; }
  return whole;
}
const full = (kind, version, flags, ...parts) => box(kind, [version, ...u32(flags).slice(1)], ...parts);

const UPRIGHT = Uint8Array.from([...u32(0x10000, 0, 0), ...u32(0, 0x10000, 0), ...u32(0, 0, 0x40000000)]);
const HEAD = box("ftyp", ascii("isom"), u32(0x200), ascii("isomiso2avc1mp41"));

export class Mp4Writer {
  #parts = [HEAD, null]; #bytes = HEAD.length + 16; #tracks = [];

  // `{kind, timescale, entry, matrix, width, height, shift}`; gives the track's number. `entry` may come later (`setEntry`).
  addTrack(track) {
    this.#tracks.push({ matrix: UPRIGHT, shift: 0, width: 0, height: 0, ...track, samples: [] });
    return this.#tracks.length - 1;
  }

  setEntry(track, entry) { this.#tracks[track].entry = entry; }

  // A sample of a track, in decoding order.
  add(track, bytes, { duration, key }) {
    this.#tracks[track].samples.push({ offset: this.#bytes, size: bytes.length, duration, key });
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
  }

  // The whole file.
  finish() {
    this.#parts[1] = Uint8Array.from([...u32(1), ...ascii("mdat"), ...u64(this.#bytes - HEAD.length)]);
    const tracks = this.#tracks.filter(({ samples, entry }) => samples.length && entry), scale = 1000;
    const seconds = ({ samples, timescale, shift }) => (samples.reduce((sum, { duration }) => sum + duration, 0) - shift) / timescale;
    const length = Math.round(scale * Math.max(...tracks.map(seconds)));
    const head = full("mvhd", 0, 0, u32(0, 0, scale, length, 0x10000), u16(0x100, 0), u32(0, 0), UPRIGHT, u32(0, 0, 0, 0, 0, 0), u32(tracks.length + 1));
    const moov = box("moov", head, ...tracks.map((track, i) => trak(track, i + 1, Math.round(scale * seconds(track)))));
    return new Blob([...this.#parts, moov], { type: "video/mp4" });
  }
}

function trak(track, number, length) {
  const { kind, timescale, matrix, width, height, shift, samples, entry } = track;
  const total = samples.reduce((sum, { duration }) => sum + duration, 0);
  const sound = kind === "soun";
  const head = full("tkhd", 0, 3, u32(0, 0, number, 0, length, 0, 0), u16(0, sound ? 1 : 0, sound ? 0x100 : 0, 0), matrix, u32(width * 65536, height * 65536));
  const edits = box("edts", full("elst", 0, 0, u32(1, length, shift, 0x10000)));
  const media = full("mdhd", 0, 0, u32(0, 0, timescale, total), u16(0x55c4, 0));
  const handler = full("hdlr", 0, 0, u32(0), ascii(kind), u32(0, 0, 0), [0]);
  const data = box("dinf", full("dref", 0, 0, u32(1), full("url ", 0, 1)));
  const what = sound ? full("smhd", 0, 0, u32(0)) : full("vmhd", 0, 1, u16(0, 0, 0, 0));
  return box("trak", head, edits, box("mdia", media, handler, box("minf", what, data, tables(samples, entry))));
}

function tables(samples, entry) {
  const times = [];
  for (const { duration } of samples) {
    if (times.at(-1)?.[1] === duration) times.at(-1)[0]++;
    else times.push([1, duration]);
  }
  // Samples that follow each other in the file are one chunk.
  const chunks = [];
  for (const { offset, size } of samples) {
    const last = chunks.at(-1);
    if (last && last.end === offset) Object.assign(last, { end: offset + size, count: last.count + 1 });
    else chunks.push({ start: offset, end: offset + size, count: 1 });
  }
  const groups = chunks.flatMap(({ count }, i) => (chunks[i - 1]?.count === count ? [] : [[i + 1, count, 1]]));
  const keys = samples.flatMap(({ key }, i) => (key ? [i + 1] : []));
  const list = (rows) => [...u32(rows.length), ...rows.flatMap((row) => u32(...[row].flat()))];
  return box("stbl", full("stsd", 0, 0, u32(1), entry), full("stts", 0, 0, list(times)),
    ...(keys.length < samples.length ? [full("stss", 0, 0, list(keys))] : []),
    full("stsc", 0, 0, list(groups)), full("stsz", 0, 0, u32(0), list(samples.map(({ size }) => size))),
    full("co64", 0, 0, [...u32(chunks.length), ...chunks.flatMap(({ start }) => u64(start))]));
}

// The entry of H.264 as `VideoEncoder` describes it: BT.709 in limited range.
export function avcEntry(width, height, description) {
  const fixed = [...u32(0), ...u16(0, 1), ...u16(0, 0), ...u32(0, 0, 0), ...u16(width, height), ...u32(0x480000, 0x480000, 0), ...u16(1), ...new Uint8Array(32), ...u16(24, 0xffff)];
  return box("avc1", fixed, box("avcC", description), box("colr", ascii("nclx"), u16(1, 1, 1), [0]));
}
