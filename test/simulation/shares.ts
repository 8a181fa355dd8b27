/** A campaign in several processes: each plays every so-manieth chunk of the schedules, and sends what came of it. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Counts } from './counts.ts';
import type { Campaign } from './simulation.ts';

export interface PlayedShare extends Omit<Campaign, 'counts'> {
  readonly counts: ReturnType<Counts['list']>;
  /** Seconds of processor time. */
  readonly busy: number;
}

const SCRIPT = fileURLToPath(new URL('simulate.ts', import.meta.url));

/** Plays the campaign that `options` describe. When one process finds something, all others end. */
export async function playShares(processes: number, options: readonly string[]): Promise<readonly PlayedShare[]> {
  const children = Array.from({ length: processes }, (_, index) => fork(SCRIPT, [...options, '--share', String(index)]));
  const shares: PlayedShare[] = [];
  await Promise.all(children.map((child) => receive(child).then((share) => takeIn(share))));
  return shares;

  function takeIn(share: PlayedShare | undefined): void {
    if (share) shares.push(share);
    if (share?.failure) for (const child of children) child.kill();
  }
}

/** From the child to {@link playShares}. */
export function sendShare(share: PlayedShare): void {
  process.send?.(share, () => process.disconnect());
}

/** @returns nothing when it was ended because another process had found something */
function receive(child: ChildProcess): Promise<PlayedShare | undefined> {
  return new Promise((resolve, reject) => {
    child.once('message', (share) => resolve(share as PlayedShare)); // sent by `sendShare`
    child.once('exit', (code, signal) => (signal === 'SIGTERM' ? resolve(undefined) : reject(new Error(`a process ended with ${code}`))));
  });
}
