/**
 * Random histories of one payment at a provider whose answers get lost: whatever happens, what is fetched in the end is what the
 * model says, and nothing was done twice.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Outcome } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import { decimalOf } from '../src/amounts.ts';
import { payments } from '../src/payments.ts';
import { dkk, MINUTE_MS, ORDER, World } from './world.ts';

const AMOUNT = 12_500;
const RUNS = 200;

let world: World;
beforeAll(async () => {
  world = await World.start();
});
afterAll(() => world.close());

type Fault = 'none' | 'drop' | '500-before' | '500-after' | 'reset-after' | '429' | 'html' | 'truncated';
/** What happens to the payment next. */
type Step =
  | { readonly do: 'capture'; readonly amount: number; readonly fault: Fault }
  | { readonly do: 'refund'; readonly amount: number; readonly fault: Fault }
  | { readonly do: 'cancel'; readonly fault: Fault }
  | { readonly do: 'portal-capture'; readonly amount: number }
  | { readonly do: 'portal-refund'; readonly amount: number }
  | { readonly do: 'approve' }
  | { readonly do: 'abort' }
  | { readonly do: 'wait' };

const fault = fc.constantFrom<Fault>('none', 'none', 'drop', '500-before', '500-after', 'reset-after', '429', 'html', 'truncated');
const amount = fc.constantFrom(1, 4_000, 8_500, AMOUNT, AMOUNT + 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('capture' as const), amount, fault }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('refund' as const), amount, fault }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), fault }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('portal-capture' as const), amount }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('portal-refund' as const), amount }) },
  { weight: 3, arbitrary: fc.constant({ do: 'approve' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'abort' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'wait' as const }) },
);

/** What ought to be, without a provider. */
class Model {
  ended: 'cancelled' | 'expired' | undefined;
  authorized = 0;
  captured = 0;
  refunded = 0;
  voided = 0;
  waited = 0;

  get #left(): number {
    return this.authorized - this.captured - this.voided;
  }

  /** Carries the step out if it may be, and tells whether it was. */
  take(one: Step): boolean {
    const isOpen = this.ended === undefined && this.authorized === 0;
    switch (one.do) {
      case 'approve':
        if (isOpen) this.authorized = AMOUNT;
        return isOpen;
      case 'abort':
        if (isOpen) this.ended = 'cancelled';
        return isOpen;
      case 'wait':
        if (isOpen) this.ended = 'expired';
        return true;
      case 'cancel': {
        // What is over without money is already what was wanted.
        if (this.captured === 0 && (this.ended !== undefined || (this.authorized > 0 && this.#left === 0))) return true;
        if (isOpen) this.ended = 'cancelled';
        else if (this.#left === 0) return false;
        this.voided += this.#left;
        return true;
      }
      case 'capture':
      case 'portal-capture':
        if (this.voided > 0 || one.amount > this.#left) return false;
        this.captured += one.amount;
        return true;
      case 'refund':
      case 'portal-refund':
        if (one.amount > this.captured - this.refunded) return false;
        this.refunded += one.amount;
        return true;
    }
  }
}

/** Sends until the outcome is sure, as the core does: the same key after an unknown one, a new key after a failed first attempt. */
async function settle(name: string, send: (key: string, attempt: number) => Promise<Outcome<unknown>>): Promise<Outcome<unknown>> {
  let number = 1;
  let attempt = 1;
  for (let tries = 0; tries < 12; tries += 1) {
    const outcome = await send(`${name}:${number}`, attempt);
    await world.vipps.clock.advance(MINUTE_MS + 1);
    const isPassing = outcome.kind === 'failed' && (outcome.reason === 'temporary' || outcome.reason === 'rate-limited');
    if (outcome.kind !== 'unknown' && !isPassing) return outcome;
    if (outcome.kind === 'unknown' || attempt > 1) attempt += 1;
    else number += 1;
  }
  throw new Error(`${name} never settled`);
}

function strike(what: Fault, match: string): void {
  if (what === 'html' || what === 'truncated') world.vipps.answerFaults.push({ match, action: what });
  else if (what !== 'none') world.vipps.faults.add({ match, action: what });
}

async function carryOut(providerId: string, name: string, one: Step): Promise<boolean> {
  const { vipps } = world;
  const byCustomer = {
    approve: () => vipps.payments.approve(providerId),
    abort: () => vipps.payments.abort(providerId),
    wait: () => vipps.clock.advance(15 * MINUTE_MS),
  };
  try {
    if (one.do === 'approve' || one.do === 'abort' || one.do === 'wait') return (await byCustomer[one.do](), true);
    if (one.do === 'portal-capture' || one.do === 'portal-refund')
      return (vipps.payments.byPortal(providerId, one.do === 'portal-capture' ? 'capture' : 'refund', one.amount), true);
  } catch {
    return false;
  }
  return settleChange(providerId, name, one);
}

async function settleChange(providerId: string, name: string, one: Extract<Step, { readonly fault: Fault }>): Promise<boolean> {
  strike(one.fault, one.do);
  const outcome = await settle(name, (idempotencyKey, attempt) => {
    const context = world.context({ idempotencyKey, attempt });
    if (one.do === 'cancel') return payments.cancel!(context, { providerId });
    const money = dkk(decimalOf(one.amount));
    return one.do === 'capture'
      ? payments.capture!(context, { providerId, amount: money })
      : payments.refund!(context, { providerId, reference: name, amount: money });
  });
  return outcome.kind === 'ok';
}

test('a payment is what the model says, whatever got lost on the way', async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fault, fc.array(step, { minLength: 2, maxLength: 10 }), async (first, steps) => {
      count += 1;
      const reference = `pay_${count}h`;
      strike(first, 'POST /epayment/v1/payments');
      const made = await settle(`${reference}:create`, (idempotencyKey, attempt) =>
        payments.create(world.context({ idempotencyKey, attempt }), { ...ORDER, reference }),
      );
      expect(made.kind).toBe('ok');
      const providerId = `kf-pay-${count}h`;
      const model = new Model();
      for (const [index, one] of steps.entries()) {
        const did = await carryOut(providerId, `${reference}:${index}`, one);
        // Time passes with every call; a payment that nobody approved runs out in it.
        if (
          model.authorized === 0 &&
          model.ended === undefined &&
          world.vipps.payments.get(providerId).state === 'EXPIRED' &&
          one.do !== 'wait'
        )
          model.ended = 'expired';
        const expected = model.take(one);
        if (!['approve', 'abort', 'wait'].includes(one.do)) expect([index, one, did]).toEqual([index, one, expected]);
        const { authorized, captured, refunded, voided } = await world.facts(providerId);
        expect([index, one, { authorized, captured, refunded, voided }]).toEqual([
          index,
          one,
          { authorized: model.authorized, captured: model.captured, refunded: model.refunded, voided: model.voided },
        ]);
      }
      const facts = await world.facts(providerId);
      expect(facts.ended).toBe(model.ended);
      expect((facts.refunds ?? []).reduce((sum, refund) => sum + refund.amount, 0)).toBe(model.refunded);
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: 25_000 },
  );
  const done = world.vipps.log.all().filter(({ executed, idempotencyKey, status }) => executed && idempotencyKey !== '' && status < 300);
  expect(new Set(done.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(done.length);
}, 60_000);
