import { isKassaflowError } from '../../kernel/errors.ts';
import { uuidOf } from '../../kernel/ids.ts';

/** The `uuid` of the payment that a provider's copy of our reference names; `undefined` when it is no reference of ours. */
export function paymentIdIn(reference: string): string | undefined {
  try {
    return uuidOf('pay', reference);
  } catch (error) {
    if (isKassaflowError(error, 'id.format')) return undefined;
    throw error;
  }
}
