/** How often what happened, over any number of schedules. */
export class Counts {
  readonly #times = new Map<string, Map<string, number>>();

  /** Two words in place of one: they are put together once, for the report, and not at every event. */
  add(what: string, which = '', times = 1): void {
    let group = this.#times.get(what);
    if (!group) this.#times.set(what, (group = new Map()));
    group.set(which, (group.get(which) ?? 0) + times);
  }

  of(what: string, which = ''): number {
    return this.#times.get(what)?.get(which) ?? 0;
  }

  /** In the order of the alphabet. */
  list(): readonly (readonly [what: string, which: string, times: number])[] {
    const all = [...this.#times].flatMap(([what, group]) => [...group].map(([which, times]) => [what, which, times] as const));
    return all.toSorted(([a, aa], [b, bb]) => (`${a} ${aa}` < `${b} ${bb}` ? -1 : 1));
  }

  take(others: ReturnType<Counts['list']>): void {
    for (const [what, which, times] of others) this.add(what, which, times);
  }
}
