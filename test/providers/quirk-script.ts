/** What goes wrong beyond the fault script, and how often. */
export interface Quirk<Action extends string> {
  /** Part of the operation's name: `POST /v2/payments`. */
  readonly match: string;
  readonly action: Action;
  /** Once unless told. */
  readonly times?: number;
}

/** The quirks still to come, in the order in which they were added. */
export class QuirkScript<Action extends string> {
  #quirks: { readonly quirk: Quirk<Action>; left: number }[] = [];

  add(...quirks: readonly Quirk<Action>[]): void {
    for (const quirk of quirks) this.#quirks.push({ quirk, left: quirk.times ?? 1 });
  }

  /** Takes the next quirk that is meant for `operation`, if there is one. */
  take(operation: string): Action | undefined {
    const found = this.#quirks.find(({ quirk, left }) => left > 0 && operation.includes(quirk.match));
    if (!found) return undefined;
    found.left -= 1;
    return found.quirk.action;
  }
}
