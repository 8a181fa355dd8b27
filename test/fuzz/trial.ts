/** Runs many texts through one function, and remembers what crashed and what took long. */

export interface Trial {
  readonly count: number;
  readonly seconds: number;
  readonly slowest: { readonly ms: number; readonly text: string };
  /** With the number of the text, so that the seed and it make it again. */
  readonly crashes: readonly { readonly number: number; readonly text: string; readonly error: unknown }[];
  /** Texts that took longer than the limit, measured again: once could be the machine. */
  readonly hangs: readonly { readonly number: number; readonly ms: number; readonly text: string }[];
}

/**
 * @param limitMs what one text may take of the processor: a busy machine makes no text slow
 * @param from texts before this number are made and not tried, to come back to a number that was reported
 */
export function trial(count: number, limitMs: number, make: () => string, work: (text: string) => void, from = 0): Trial {
  const crashes: { number: number; text: string; error: unknown }[] = [];
  const hangs: { number: number; ms: number; text: string }[] = [];
  let slowest = { ms: 0, text: '' };
  const begun = performance.now();
  for (let number = 0; number < count; number += 1) {
    const text = make();
    if (number < from) continue;
    try {
      let ms = timed(() => work(text));
      for (let again = 0; ms > limitMs && again < 3; again += 1)
        ms = Math.min(
          ms,
          timed(() => work(text)),
        );
      if (ms > slowest.ms) slowest = { ms, text };
      if (ms > limitMs && hangs.length < 20) hangs.push({ number, ms, text });
    } catch (error) {
      if (crashes.length < 20) crashes.push({ number, text, error });
    }
  }
  return { count, seconds: (performance.now() - begun) / 1_000, slowest, crashes, hangs };
}

/** Prints a trial. @returns whether it was clean */
export function report(name: string, seed: number, { count, seconds, slowest, crashes, hangs }: Trial): boolean {
  const lines = [
    `${count} ${name} in ${seconds.toFixed(1)} s with --seed ${seed}; slowest ${slowest.ms.toFixed(1)} ms: ${JSON.stringify(slowest.text.slice(0, 200))}`,
    ...crashes.map(({ number, text, error }) => `crash at ${number}: ${String(error)} ${JSON.stringify(text)}`),
    ...hangs.map(({ number, ms, text }) => `${ms.toFixed(1)} ms at ${number}: ${JSON.stringify(text)}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return crashes.length === 0 && hangs.length === 0;
}

function timed(work: () => void): number {
  const from = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(from);
  return (user + system) / 1_000;
}
