/**
 * One fetch for many signals. While something is being fetched, all who ask for it again share the one fetch that comes after: the one
 * under way may have left before what they know of happened, the next one has not.
 */
export class OneFetch<T> {
  readonly #running = new Map<string, Promise<T>>();
  readonly #next = new Map<string, Promise<T>>();

  /** Runs `fetch` now, or joins the one run of it that follows the present one. */
  run(key: string, fetch: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (!running) return this.#begin(key, fetch);
    const waiting = this.#next.get(key);
    if (waiting) return waiting;
    const begin = (): Promise<T> => {
      this.#next.delete(key);
      return this.#begin(key, fetch);
    };
    const next = running.then(begin, begin);
    this.#next.set(key, next);
    return next;
  }

  #begin(key: string, fetch: () => Promise<T>): Promise<T> {
    const run = fetch().finally(() => {
      if (this.#running.get(key) === run) this.#running.delete(key);
    });
    this.#running.set(key, run);
    return run;
  }
}
