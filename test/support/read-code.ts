/** Reads the QR code of a page as a phone does: from pixels, with a decoder that is no part of what drew it. */
import decodeQR from 'qr/decode.js';

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** RGBA, row by row. */
  readonly data: Uint8Array;
}

/** What the code among the pixels says. @throws when there is none that can be read */
export function readCode(pixels: Pixels): string {
  return decodeQR(pixels);
}

/** The pixels of the first code in a page's HTML, `scale` to a module. */
export function pixelsOf(html: string, scale = 4): Pixels {
  const size = Number(/<svg class="code"[^>]* viewBox="0 0 (\d+) \1"/.exec(html)?.[1]);
  const dark = /<path fill="#000" d="([^"]+)"/.exec(html)?.[1];
  if (!Number.isInteger(size) || dark === undefined) throw new Error('the page shows no code');
  const width = size * scale;
  const data = new Uint8Array(width * width * 4).fill(255);
  for (const [, x, y, run] of dark.matchAll(/M(\d+) (\d+)h(\d+)v1H\d+z/g))
    for (let row = Number(y) * scale; row < (Number(y) + 1) * scale; row += 1)
      for (let column = Number(x) * scale; column < (Number(x) + Number(run)) * scale; column += 1)
        data.set([0, 0, 0], (row * width + column) * 4);
  return { width, height: width, data };
}
