/**
 * Loaded into the program by `node --import`: its wall clock jumps by as many milliseconds as the file says that CHAOS_CLOCK names.
 * Timers go on as before, as they do on a machine whose clock is set.
 */
import { readFileSync } from 'node:fs';

const file = process.env.CHAOS_CLOCK ?? '';
const RealDate = Date;
const realNow = Date.now.bind(Date);
let offset = 0;

function look() {
  try {
    offset = Number(readFileSync(file, 'utf8')) || 0;
  } catch {
    offset = 0;
  }
}

if (file !== '') {
  look();
  setInterval(look, 100).unref();
  globalThis.Date = class extends RealDate {
    constructor(...parts) {
      if (parts.length === 0) super(realNow() + offset);
      else super(...parts);
    }

    static now() {
      return realNow() + offset;
    }
  };
}
