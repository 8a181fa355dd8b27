/**
 * Waits for a condition, looking every 10 ms; the condition may ask the database or a server.
 * Fails with `describe()` when it does not hold within `withinMs`, or at once when `hopeless` says that it never will.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  describe: () => string,
  withinMs = 15_000,
  hopeless: () => boolean = () => false,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline || hopeless()) throw new Error(describe());
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
