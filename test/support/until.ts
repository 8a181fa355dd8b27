const FIRST_PAUSE_MS = 10;
/** Tests whose own time is 30 s say what they waited for. */
let usualWaitMs = 25_000;
/** Who looks a hundred times a second at a server takes the time that the server needs. */
const LONGEST_PAUSE_MS = 50;

/**
 * Waits for a condition, looking after 10 ms and then less and less often; the condition may ask the database or a server.
 * Fails with `describe()` when it does not hold within `withinMs`, or at once when `hopeless` says that it never will.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  describe: () => string,
  withinMs = usualWaitMs,
  hopeless: () => boolean = () => false,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (let pauseMs = FIRST_PAUSE_MS; !(await condition()); pauseMs = Math.min(pauseMs * 1.2, LONGEST_PAUSE_MS)) {
    if (performance.now() > deadline || hopeless()) throw new Error(describe());
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** For files that start the program: what nobody gives a time is waited for so long. */
export function waitFor(ms: number): void {
  usualWaitMs = ms;
}
