/**
 * Runs everything that waits in the queue of microtasks, at once. So the simulation is a plain loop: after each decision the engine has
 * come to rest, exactly, without a guess how many turns a chain of promises takes, and an empty queue costs 50 ns.
 *
 * V8 has this as a native function only. It does nothing while microtasks are running, which is why a simulation must begin outside them.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--allow-natives-syntax');
// oxlint-disable-next-line typescript/no-implied-eval -- natives are a syntax of their own, which no other loader reads
export const drain = new Function('%PerformMicrotaskCheckpoint()') as () => void;
setFlagsFromString('--no-allow-natives-syntax');

/** Runs `work` where {@link drain} works. */
export function outsideMicrotasks<T>(work: () => T): Promise<T> {
  return new Promise((resolve, reject) =>
    setImmediate(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    }),
  );
}
