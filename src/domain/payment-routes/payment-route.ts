/** Routes as rules: which connections take a payment, in which order. */

/** One to five connections for payments by a method in a currency. */
export interface PaymentRoute {
  /** Null: by any method. */
  readonly method: string | null;
  /** ISO 4217; null: in any currency. */
  readonly currency: string | null;
  /** Their ids, in the order in which they are tried. */
  readonly connections: readonly string[];
}

/** What routes are asked for. `method` is absent where the payer chooses on the provider's page. */
export interface RoutedPayment {
  readonly method?: string | undefined;
  readonly currency: string;
}

/** The connections of the closest route; empty when none is for such a payment. */
export function connectionsFor(routes: readonly PaymentRoute[], payment: RoutedPayment): readonly string[] {
  const fitting = routes.filter(
    ({ method, currency }) => (method === null || method === payment.method) && (currency === null || currency === payment.currency),
  );
  return (
    fitting.reduce<PaymentRoute | undefined>((best, route) => (best && closeness(best) >= closeness(route) ? best : route), undefined)
      ?.connections ?? []
  );
}

/** How early a connection comes in a route; after all others when it is not in it. */
export function rankOf(connections: readonly string[], id: string | undefined): number {
  const at = id === undefined ? -1 : connections.indexOf(id);
  return at === -1 ? connections.length : at;
}

/** A method says more than a currency does. */
function closeness({ method, currency }: PaymentRoute): number {
  return (method === null ? 0 : 2) + (currency === null ? 0 : 1);
}
