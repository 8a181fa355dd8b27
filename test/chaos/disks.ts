/** Small disks in memory for the database, so that a campaign can fill them: one for the data, one for the write-ahead log. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const BALLAST = 'ballast';

/** True when this process may mount file systems. Elsewhere a campaign goes on without full disks, and says so. */
export function mayMount(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0;
}

export class Disk {
  readonly path: string;

  /** @throws when mounting is not allowed */
  constructor(path: string, megabytes: number) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=1777`, 'tmpfs', path]);
  }

  /** Fills it up to its last `left` bytes. */
  async fill(left: number): Promise<void> {
    const { bavail, bsize } = statfsSync(this.path);
    const missing = bavail * bsize - left;
    // Somebody else may be quicker: then it is full, which is what is wanted.
    if (missing > 0) await run('fallocate', ['-l', String(missing), join(this.path, BALLAST)]).catch(() => undefined);
  }

  free(): void {
    rmSync(join(this.path, BALLAST), { force: true });
  }

  unmount(): void {
    // Lazily: a process that is just dying may still hold a file.
    execFileSync('umount', ['--lazy', this.path]);
  }
}
