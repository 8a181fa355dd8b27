/** Small disks in memory for the database, so that a campaign can fill them: one for the data, one for the write-ahead log. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MIB = 1_024 ** 2;

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
  fill(left: number): void {
    const { bavail, bsize } = statfsSync(this.path);
    let missing = bavail * bsize - left;
    for (let part = 0; missing > 0; part += 1, missing -= 64 * MIB) {
      try {
        writeFileSync(join(this.path, `ballast-${part}`), Buffer.alloc(Math.min(missing, 64 * MIB)));
      } catch {
        // Somebody else was quicker: it is full.
        return;
      }
    }
  }

  free(): void {
    for (let part = 0; part < 1_000; part += 1) rmSync(join(this.path, `ballast-${part}`), { force: true });
  }

  unmount(): void {
    // Lazily: a process that is just dying may still hold a file.
    execFileSync('umount', ['--lazy', this.path]);
  }
}
