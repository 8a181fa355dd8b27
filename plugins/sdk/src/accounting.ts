import type { Context } from './context.ts';
import type { Outcome } from './outcome.ts';
import type { Money } from './schema.ts';

/** One line: either `debit` or `credit`, never both, never negative. */
export interface PostingLine {
  /** Our account code (`asset:receivable`); the plugin's settings map it to the package's own. */
  readonly account: string;
  readonly debit?: Money;
  readonly credit?: Money;
  readonly description?: string;
}

/** A balanced entry for the external book. */
export interface Posting {
  /** Unique and ours; must be findable in the package. */
  readonly reference: string;
  /** `sales`, `bank`, `costs` or a code of the package; empty for the connection's default. */
  readonly journal: string;
  /** Book date, `2026-11-20`. */
  readonly date: string;
  readonly description: string;
  readonly lines: readonly PostingLine[];
}

export interface Posted {
  /** The package's id of the entry. */
  readonly entry: string;
  /** The number a person sees, when there is one. */
  readonly number?: string;
}

/** An accounting package. `post` is followed by `find` after an unknown outcome, so `find` must see what `post` wrote. */
export interface Accounting<Settings = unknown> {
  post(context: Context<Settings>, posting: Posting): Promise<Outcome<Posted>>;
  find(context: Context<Settings>, request: { readonly reference: string }): Promise<Outcome<Posted | undefined>>;
  /** Books the opposite of an entry, as a new one with its own reference. */
  reverse(
    context: Context<Settings>,
    request: { readonly entry: string; readonly reference: string; readonly date: string; readonly reason: string },
  ): Promise<Outcome<Posted>>;
}
