import type { IdPrefix } from '../kernel/ids.ts';
import type { Scope } from '../platform/auth/scopes.ts';

/** A kind of subject that a browser can be let follow: the prefix of its ids, and what a key needs to read it. */
interface Followable {
  readonly prefix: IdPrefix;
  readonly scope: Scope;
}

const KINDS: Readonly<Record<string, Followable>> = {
  payment: { prefix: 'pay', scope: 'payments:read' },
  request: { prefix: 'req', scope: 'payments:read' },
  checkout: { prefix: 'chk', scope: 'payments:read' },
  refund: { prefix: 'ref', scope: 'payments:read' },
  receipt: { prefix: 'rcp', scope: 'payments:read' },
  mandate: { prefix: 'man', scope: 'payments:read' },
  dispute: { prefix: 'dis', scope: 'payments:read' },
  invoice: { prefix: 'inv', scope: 'invoices:read' },
  order: { prefix: 'ord', scope: 'orders:read' },
  customer: { prefix: 'cus', scope: 'customers:read' },
  subscription: { prefix: 'sub', scope: 'customers:read' },
  run: { prefix: 'run', scope: 'runs:read' },
  task: { prefix: 'tsk', scope: 'tasks:read' },
};

/** `payment/pay_…`, or `payment/*` for all of the kind. */
export const FOLLOWED_SUBJECT = new RegExp(
  `^(?:${Object.entries(KINDS)
    .map(([kind, { prefix }]) => `${kind}/(?:${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}|\\*)`)
    .join('|')})$`,
);

/** The kind of a subject that fits {@link FOLLOWED_SUBJECT}. */
export function followable(subject: string): Followable {
  const kind = KINDS[subject.slice(0, subject.indexOf('/'))];
  if (!kind) throw new RangeError(`not a subject that can be followed: ${subject.slice(0, 80)}`);
  return kind;
}
