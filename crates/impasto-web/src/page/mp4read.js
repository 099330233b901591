// The tracks and samples of an MP4 or MOV file, read from its `moov` box (ISO/IEC 14496-12). Bytes of samples stay in the file.

// Two days of sound.
const MAX_SAMPLES = 1e7;

// Boxes between two places of a view: `{kind, start, end}` of what is in each.
function* boxes(view, from, to) {
  for (let at = from; at + 8 <= to;) {
    let size = view.getUint32(at), head = 8;
    const kind = text(view, at + 4);
    if (size === 1) [size, head] = [Number(view.getBigUint64(at + 8)), 16];
    if (size === 0) size = to - at;
    if (size < head || at + size > to) throw damaged();
    yield { kind, start: at + head, end: at + size };
    at += size;
  }
}

const text = (view, at) => String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, 4));
const damaged = () => new Error("the film is damaged: a box ends where it should not");
// The first box on a path below a place, or undefined.
function box(view, place, ...path) {
  let found = place;
  for (const kind of path) {
    found = [...boxes(view, found.start, found.end)].find((inner) => inner.kind === kind);
    if (!found) return undefined;
  }
  return found;
}

// `{tracks, timescale}` of a File or Blob. Each track has `kind` (vide, soun), `format` (avc1, mp4a …), `entry` (its sample entry as bytes), `timescale`,
// `matrix`, `shift` (ticks of the track that its edit list skips) and `samples` of `{offset, size, dts, pts, duration, key}`.
export async function readMp4(file) {
  const moov = await movieBox(file), view = new DataView(moov), whole = { start: 0, end: moov.byteLength };
  if (box(view, whole, "mvex")) throw new Error("the film is an MP4 in fragments, which can be played and recorded here, and painted whole by the program `impasto video`");
  const movieScale = scaleOf(view, box(view, whole, "mvhd"));
  const tracks = [...boxes(view, 0, moov.byteLength)].filter(({ kind }) => kind === "trak").map((trak) => track(view, trak)).filter(Boolean);
  return { tracks, timescale: movieScale };
}

async function movieBox(file) {
  for (let at = 0; at + 8 <= file.size;) {
    const view = new DataView(await file.slice(at, at + 16).arrayBuffer());
    let size = view.getUint32(0), head = 8;
    if (size === 1) [size, head] = [Number(view.getBigUint64(8)), 16];
    if (size === 0) size = file.size - at;
    if (size < head) throw damaged();
    if (text(view, 4) === "moov") return file.slice(at + head, at + size).arrayBuffer();
    at += size;
  }
  throw new Error("the film is no MP4 or MOV; it can be played and recorded here if the browser knows it");
}

// Version 1 of a box has times of 64 bits.
function scaleOf(view, { start }) { return view.getUint32(start + (view.getUint8(start) ? 20 : 12)); }

function track(view, trak) {
  const media = box(view, trak, "mdia"), table = box(view, trak, "mdia", "minf", "stbl");
  const kind = text(view, box(view, media, "hdlr").start + 8), entry = [...boxes(view, box(view, table, "stsd").start + 8, box(view, table, "stsd").end)][0];
  if (!entry || !["vide", "soun"].includes(kind)) return null;
  const head = box(view, trak, "tkhd").start, long = view.getUint8(head) === 1;
  return {
    kind, format: entry.kind, timescale: scaleOf(view, box(view, media, "mdhd")), shift: shiftOf(view, box(view, trak, "edts", "elst")),
    entry: new Uint8Array(view.buffer, entry.start - 8, entry.end - entry.start + 8).slice(),
    matrix: new Uint8Array(view.buffer, head + (long ? 52 : 40), 36).slice(),
    width: kind === "vide" ? view.getUint16(entry.start + 24) : 0, height: kind === "vide" ? view.getUint16(entry.start + 26) : 0,
    // The boxes inside a picture's entry begin behind its 78 fixed bytes.
    config: kind === "vide" ? configOf(view, { start: entry.start + 78, end: entry.end }) : null,
    samples: samplesOf(view, table),
  };
}

const configOf = (view, entry) => {
  const found = box(view, entry, "avcC");
  return found ? new Uint8Array(view.buffer, found.start, found.end - found.start).slice() : null;
};

// Ticks at the track's beginning that are not shown.
function shiftOf(view, list) {
  if (!list) return 0;
  const long = view.getUint8(list.start) === 1, count = view.getUint32(list.start + 4);
  for (let i = 0; i < count; i++) {
    const at = list.start + 8 + i * (long ? 20 : 12);
    const time = long ? Number(view.getBigInt64(at + 8)) : view.getInt32(at + 4);
    if (time >= 0) return time;
  }
  return 0;
}

function samplesOf(view, table) {
  const need = (kind) => box(view, table, kind) ?? (() => { throw damaged(); })();
  const sizes = need("stsz").start, same = view.getUint32(sizes + 4), count = view.getUint32(sizes + 8);
  if (count > MAX_SAMPLES || (!same && need("stsz").end - sizes < 12 + 4 * count)) throw damaged();
  const samples = Array.from({ length: count }, (_, i) => ({ size: same || view.getUint32(sizes + 12 + 4 * i), key: true }));
  place(view, table, samples);
  let dts = 0, i = 0;
  for (const [run, duration] of runs(view, need("stts"))) {
    for (let n = 0; n < run && i < count; n++, i++) {
      Object.assign(samples[i], { dts, pts: dts, duration });
      dts += duration;
    }
  }
  i = 0;
  for (const [run, later] of runs(view, box(view, table, "ctts"))) for (let n = 0; n < run && i < count; n++, i++) samples[i].pts = samples[i].dts + (later | 0);
  const keys = box(view, table, "stss");
  if (keys) {
    samples.forEach((sample) => { sample.key = false; });
    for (let k = 0; k < view.getUint32(keys.start + 4); k++) { const sample = samples[view.getUint32(keys.start + 8 + 4 * k) - 1]; if (sample) sample.key = true; }
  }
  return samples;
}

function* runs(view, found) {
  if (!found) return;
  for (let i = 0; i < view.getUint32(found.start + 4); i++) yield [view.getUint32(found.start + 8 + 8 * i), view.getUint32(found.start + 12 + 8 * i)];
}

// Gives each sample its place in the file: chunks begin where `stco` says and hold what `stsc` says.
function place(view, table, samples) {
  const short = box(view, table, "stco"), chunks = short ?? box(view, table, "co64"), groups = box(view, table, "stsc");
  if (!chunks || !groups) throw damaged();
  const number = view.getUint32(chunks.start + 4), kinds = view.getUint32(groups.start + 4);
  let next = 0, group = 0;
  for (let chunk = 0; chunk < number; chunk++) {
    while (group + 1 < kinds && view.getUint32(groups.start + 8 + 12 * (group + 1)) <= chunk + 1) group++;
    let offset = short ? view.getUint32(chunks.start + 8 + 4 * chunk) : Number(view.getBigUint64(chunks.start + 8 + 8 * chunk));
    for (let n = view.getUint32(groups.start + 8 + 12 * group + 4); n > 0 && next < samples.length; n--, next++) {
      samples[next].offset = offset;
      offset += samples[next].size;
    }
  }
  if (next < samples.length) throw damaged();
}
