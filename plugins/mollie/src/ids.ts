/** An id that Mollie cannot have given: it would lead to another address, and is not sent. */
export class IdError extends Error {}

/** The ids that are put into addresses (https://docs.mollie.com/docs/common-data-types). */
const SHAPES = {
  payment: /^tr_[A-Za-z0-9]{1,64}$/,
  customer: /^cst_[A-Za-z0-9]{1,64}$/,
  mandate: /^mdt_[A-Za-z0-9]{1,64}$/,
} as const;

export function isPaymentId(id: string | undefined): id is string {
  return id !== undefined && SHAPES.payment.test(id);
}

/** The library looks at the prefix alone. @throws IdError */
export function checkedId(kind: keyof typeof SHAPES, id: string): string {
  if (!SHAPES[kind].test(id)) throw new IdError(`This is not the id of a ${kind} at Mollie.`);
  return id;
}
