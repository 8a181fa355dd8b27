/**
 * A QR code as SVG that stands in the page itself: it needs no script, no image and no style, so the page's policy stays as it is. The
 * modules are black on white in light and dark alike, because cameras read the other way round badly (ISO/IEC 18004 allows it, many
 * readers do not know it).
 */
import { encodeQR } from 'qr';
import { escapeHtml } from './escape-html.ts';

/** Light modules on each side; readers count on four (ISO/IEC 18004, 9.1). */
const QUIET_MODULES = 4;
/** CSS pixels: 200 is about the least that a phone reads from a desktop at arm's length. */
const LEAST_PIXELS = 240;
const LEAST_PIXELS_PER_MODULE = 4;
/** Most letters that a code holds: version 40 with the least correction. */
const MOST_BYTES = 2_953;
/** Above this the modules would become too fine for the more robust correction. */
const MOST_ROBUST_BYTES = 500;

/** @param alt what to do with it, for those who do not see it. `undefined`: `text` is longer than a code can hold. */
export function scanCode(text: string, alt: string): string | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes === 0 || bytes > MOST_BYTES) return undefined;
  const rows = encodeQR(text, 'raw', { ecc: bytes > MOST_ROBUST_BYTES ? 'low' : 'medium', border: QUIET_MODULES });
  const size = rows.length;
  // Whole pixels for each module: anything else blurs their edges.
  const pixels = size * Math.max(LEAST_PIXELS_PER_MODULE, Math.ceil(LEAST_PIXELS / size));
  return `<svg class="code" role="img" aria-label="${escapeHtml(alt)}" width="${pixels}" height="${pixels}" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${size}v${size}h-${size}z"/><path fill="#000" d="${rows.map(darkRuns).join('')}"/></svg>`;
}

/** A rectangle for each run of dark modules of a row. */
function darkRuns(row: readonly boolean[], y: number): string {
  let path = '';
  for (let x = 0; x < row.length; x += 1) {
    if (row[x] !== true) continue;
    const from = x;
    while (row[x + 1] === true) x += 1;
    path += `M${from} ${y}h${x - from + 1}v1H${from}z`;
  }
  return path;
}
