/**
 * What plugins said about themselves at earlier starts: `plugins/ID.json` in the data folder. It spares a process for each plugin at
 * each start, and is never the only witness: what is read here is checked like what a process says, and the plugin's process has to say
 * the same before it gets its first call (`plugin-runner.ts`).
 *
 * One that cannot be read, or is of other files than those that are there now, is no description; one that cannot be written is not
 * remembered. Neither keeps anybody from starting.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The memory of one plugin, as its files are now. */
export interface RememberedDescription {
  /** What the plugin's process said, unchecked; undefined when it is not remembered. */
  recall(): unknown;
  keep(said: unknown): void;
  forget(): void;
}

/** @param dataDir a folder that is there; without it nothing is remembered */
export function rememberedDescription(dataDir: string, plugin: string, fingerprint: string): RememberedDescription {
  const folder = join(dataDir, 'plugins');
  const file = join(folder, `${plugin}.json`);
  return {
    recall: () => {
      try {
        const kept = JSON.parse(readFileSync(file, 'utf8')) as { fingerprint?: unknown; said?: unknown } | null;
        return kept?.fingerprint === fingerprint ? kept.said : undefined;
      } catch {
        return undefined;
      }
    },
    keep: (said) => {
      // Another process may be writing the same.
      const half = `${file}.${process.pid}`;
      try {
        // The data folder itself is not made: a command that only looks at flows must not leave one behind.
        if (!existsSync(dataDir)) return;
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        writeFileSync(half, JSON.stringify({ fingerprint, said }), { mode: 0o600 });
        renameSync(half, file);
      } catch {
        rmSync(half, { force: true });
      }
    },
    forget: () => {
      try {
        rmSync(file, { force: true });
      } catch {
        // The difference is found, and told, at the next start again.
      }
    },
  };
}
