// PNG files of 8 bits without a library: written from a function, read back as RGB.

import { inflateSync } from "node:zlib";
import { png } from "../live/png.mjs";

// A picture whose pixels `pixel(x, y)` gives as `[r, g, b]`.
export function encodePng(width, height, pixel) {
  const rows = Buffer.alloc(height * (1 + 3 * width));
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rows.set(pixel(x, y).map((value) => value & 255), y * (1 + 3 * width) + 1 + 3 * x);
  return png(width, height, rows);
}

// `{width, height, rgb}` of a file of RGB or RGBA, not interlaced.
export function decodePng(file) {
  const width = file.readUInt32BE(16), height = file.readUInt32BE(20), [depth, kind, , , interlaced] = file.subarray(24, 29);
  const step = { 2: 3, 6: 4 }[kind];
  if (depth !== 8 || !step || interlaced) throw new Error(`a PNG of depth ${depth}, kind ${kind}`);
  const parts = [];
  for (let at = 8; at < file.length;) {
    const length = file.readUInt32BE(at);
    if (file.toString("latin1", at + 4, at + 8) === "IDAT") parts.push(file.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const bytes = inflateSync(Buffer.concat(parts)), stride = step * width, rgb = new Uint8Array(3 * width * height);
  let above = new Uint8Array(stride);
  for (let y = 0; y < height; y++) {
    const filter = bytes[y * (stride + 1)], row = Uint8Array.from(bytes.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1)));
    for (let i = 0; i < stride; i++) row[i] += predicted(filter, i >= step ? row[i - step] : 0, above[i], i >= step ? above[i - step] : 0);
    for (let x = 0; x < width; x++) rgb.set(row.subarray(step * x, step * x + 3), 3 * (y * width + x));
    above = row;
  }
  return { width, height, rgb };
}

function predicted(filter, left, up, corner) {
  if (filter < 4) return [0, left, up, (left + up) >> 1][filter];
  const by = left + up - corner, [a, b, c] = [left, up, corner].map((value) => Math.abs(by - value));
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
