import { unknown, type Context, type Failed, type Outcome } from '@kassaflow/plugin-sdk';
import { USED_BEFORE } from './codes.ts';
import type { Settings } from './settings.ts';

/**
 * Tells whether a refusal may only mean that the same call was carried out before: the code says so, or it is not the first attempt, and
 * what was allowed then (an amount, a day) is not any more because it was done.
 */
export function mayBeDone(context: Context<Settings>, outcome: Outcome<unknown>): outcome is Failed {
  if (outcome.kind !== 'failed') return false;
  const isRefusal = outcome.reason === 'input' || outcome.reason === 'permanent';
  return USED_BEFORE.has(outcome.code ?? '') || (isRefusal && context.attempt > 1);
}

/**
 * What a refusal of a change comes to, after a look at what was done under our key: `done`, the refusal itself, or nobody knows, when the
 * look failed or an earlier call with the key may still be under way.
 */
export async function settleRefusal(refusal: Failed, look: () => Promise<Outcome<boolean>>): Promise<'done' | Outcome<never>> {
  const seen = await look();
  if (seen.kind !== 'ok') return unknown('The call was refused, and whether an earlier one was carried out could not be seen.');
  if (seen.value) return 'done';
  return refusal.code === 'http-409' ? unknown('An earlier call with this key may still be under way.') : refusal;
}
