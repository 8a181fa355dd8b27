/** Reads the pictures that Chromium takes of a page: PNG of 8 bits a channel, not interlaced (https://www.w3.org/TR/png-3/). */
import { inflateSync } from 'node:zlib';
import type { Pixels } from '../support/read-code.ts';

const SIGNATURE_BYTES = 8;
const RGB = 2;
const RGBA = 6;

export function readPng(file: Buffer): Pixels {
  const header = file.subarray(SIGNATURE_BYTES + 8);
  const [width, height, depth, colour, interlaced] = [header.readUInt32BE(0), header.readUInt32BE(4), header[8], header[9], header[12]];
  if (depth !== 8 || (colour !== RGB && colour !== RGBA) || interlaced !== 0)
    throw new Error(`a picture of another kind: ${depth} ${colour}`);
  const channels = colour === RGB ? 3 : 4;
  const lines = unfiltered(inflateSync(Buffer.concat(imageData(file))), width * channels, channels);
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) data.set(lines[y]?.subarray(x * channels, (x + 1) * channels) ?? [], (y * width + x) * 4);
  return { width, height, data };
}

function imageData(file: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = SIGNATURE_BYTES; at < file.length;) {
    const length = file.readUInt32BE(at);
    if (file.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(file.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  return parts;
}

/** Each line is the difference to what a filter foretells of it. */
function unfiltered(raw: Buffer, lineBytes: number, pixelBytes: number): Uint8Array[] {
  const lines: Uint8Array[] = [];
  let above = new Uint8Array(lineBytes);
  for (let at = 0; at < raw.length; at += lineBytes + 1) {
    const line = new Uint8Array(raw.subarray(at + 1, at + 1 + lineBytes));
    for (let i = 0; i < lineBytes; i += 1) {
      const left = line[i - pixelBytes] ?? 0;
      const corner = i < pixelBytes ? 0 : (above[i - pixelBytes] ?? 0);
      line[i] = (line[i] ?? 0) + foretold(raw[at] ?? 0, left, above[i] ?? 0, corner);
    }
    lines.push(line);
    above = line;
  }
  return lines;
}

function foretold(filter: number, left: number, up: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  if (filter !== 4) return 0;
  const [toLeft, toUp, toCorner] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}
