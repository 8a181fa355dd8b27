import { unknown, type Context, type Failed, type Outcome } from '@kassaflow/plugin-sdk';
import { USED_BEFORE } from './codes.ts';
import type { Settings } from './settings.ts';

type Ctx = Context<Settings>;

/**
 * Takes or gives back money once under one key, however long the provider remembers the key. It keeps our keys in the payment's log, so
 * a repeat looks there first, and a refusal that may only mean "done before" is compared with it. `done`: it was there.
 */
export async function once<T>(
  context: Ctx,
  act: () => Promise<Outcome<T>>,
  look: () => Promise<Outcome<boolean>>,
): Promise<Outcome<T> | 'done'> {
  if (context.attempt > 1) {
    const seen = await look();
    if (seen.kind === 'ok' && seen.value) return 'done';
    const isAbsent = seen.kind === 'failed' && seen.reason === 'permanent';
    if (seen.kind !== 'ok' && !isAbsent) return unknown('Whether an earlier attempt was carried out could not be seen.');
  }
  const outcome = await act();
  return mayBeDone(context, outcome) ? settleRefusal(outcome, look) : outcome;
}

/**
 * Tells whether a refusal may only mean that the same call was carried out before: the code says so, or it is not the first attempt, and
 * what was allowed then (an amount, a day) is not any more because it was done.
 */
export function mayBeDone(context: Ctx, outcome: Outcome<unknown>): outcome is Failed {
  if (outcome.kind !== 'failed') return false;
  const isRefusal = outcome.reason === 'input' || outcome.reason === 'permanent';
  return USED_BEFORE.has(outcome.code ?? '') || (isRefusal && context.attempt > 1);
}

async function settleRefusal(refusal: Failed, look: () => Promise<Outcome<boolean>>): Promise<'done' | Outcome<never>> {
  const seen = await look();
  if (seen.kind !== 'ok') return unknown('The call was refused, and whether an earlier one was carried out could not be seen.');
  if (seen.value) return 'done';
  return refusal.code === 'http-409' ? unknown('An earlier call with this key may still be under way.') : refusal;
}
