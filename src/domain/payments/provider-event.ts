/** What the webhook door hands over, and what it hears back. */

/** What a provider's signal is about. */
export interface ProviderEvent {
  /** The provider's id, as `fetch` takes it. */
  readonly providerId?: string | undefined;
  /** Our id, when the provider repeats it. */
  readonly reference?: string | undefined;
  /** What it tells of happened hours ago, as in a report of a day: no answer of the provider's lags so far behind. */
  readonly isOld?: boolean;
}

/** What became of a signal. `orphan`: nothing of ours is known by it (yet). */
export type SignalResult =
  | { readonly kind: 'applied' | 'orphan' }
  /** `problem` when the provider could not be asked; without it, it was, and is to be asked once more. */
  | { readonly kind: 'again'; readonly afterMs: number; readonly problem?: string }
  | { readonly kind: 'refused'; readonly message: string };
