/**
 * Random charges of random agreements, with answers that get lost: a yes is in the provider's books, a no is not, and no reference or key
 * is ever carried out twice.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Outcome } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import { mandates } from '../src/agreements.ts';
import { decimalOf } from '../src/amounts.ts';
import { payments } from '../src/payments.ts';
import { DAY_MS, dkk, ORDER, valueOf, World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await World.start();
});
afterAll(() => world.close());

const FAULTS = ['none', 'none', 'drop', '500-before', '500-after', 'reset-after', '429', 'html', 'truncated'] as const;
type Fault = (typeof FAULTS)[number];

const fault = fc.constantFrom<Fault>(...FAULTS);
const step = fc.record({
  do: fc.constantFrom('charge', 'charge', 'refund', 'refund', 'cancel', 'wait', 'wait', 'run-dry', 'stop'),
  amount: fc.constantFrom(1, 2_000, 9_900, 50_000, 50_001),
  days: fc.constantFrom(1, 3),
  fault,
});

function strike(what: Fault, match: string): void {
  if (what === 'html' || what === 'truncated') world.vipps.answerFaults.push({ match, action: what });
  else if (what !== 'none') world.vipps.faults.add({ match, action: what });
}

async function settle(name: string, send: (key: string, attempt: number) => Promise<Outcome<unknown>>): Promise<Outcome<unknown>['kind']> {
  for (let number = 1, attempt = 1, tries = 0; tries < 10; tries += 1) {
    const outcome = await send(`${name}:${number}`, attempt);
    const isPassing = outcome.kind === 'failed' && (outcome.reason === 'temporary' || outcome.reason === 'rate-limited');
    if (outcome.kind !== 'unknown' && !isPassing) return outcome.kind;
    if (outcome.kind === 'unknown' || attempt > 1) attempt += 1;
    else number += 1;
  }
  throw new Error(`${name} never settled`);
}

/** A charge in the provider's own books. */
function booked(reference: string): { captured: number; refunded: number; status: string } | undefined {
  try {
    const { captured, refunded, status } = world.vipps.recurring.chargeById(`kf-${reference.replace('_', '-')}`);
    return { captured, refunded, status };
  } catch {
    return undefined;
  }
}

test('what is said of a charge is what is in the books, whatever got lost on the way', async () => {
  let count = 0;
  const addresses = { returnUrl: ORDER.returnUrl, webhookUrl: ORDER.webhookUrl };
  const pricing = { most: dkk('500.00'), every: 'month' as const };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 8 }), async (steps) => {
      count += 1;
      const wish = {
        reference: `man_${count}`,
        kind: 'agreement' as const,
        description: 'Phone',
        customer: { reference: 'c' },
        pricing,
        ...addresses,
      };
      const mandate = valueOf(await mandates.create(world.context({ idempotencyKey: `man_${count}:create` }), wish)).facts.providerId;
      world.vipps.recurring.accept(mandate);
      let last: string | undefined;
      for (const [index, one] of steps.entries()) {
        const name = `${count}x${index}`;
        const amount = dkk(decimalOf(one.amount));
        if (one.do === 'wait') await world.vipps.clock.advance(one.days * DAY_MS);
        if (one.do === 'run-dry') world.vipps.recurring.agreement(mandate).failure = 'user_action_required';
        if (one.do === 'stop') world.vipps.recurring.stop(mandate, 'USER');
        if (one.do === 'charge') {
          const reference = `pay_${name}`;
          strike(one.fault, '/charges');
          const kind = await settle(reference, (idempotencyKey, attempt) =>
            payments.charge!(world.context({ idempotencyKey, attempt }), { reference, mandate, amount, description: 'x', ...addresses }),
          );
          expect([one, kind === 'ok']).toEqual([one, booked(reference) !== undefined]);
          if (kind === 'ok') last = reference;
        }
        if (last === undefined || (one.do !== 'refund' && one.do !== 'cancel')) continue;
        const providerId = `${mandate}/kf-${last.replace('_', '-')}`;
        const before = booked(last);
        strike(one.fault, one.do === 'refund' ? '/refund' : 'DELETE');
        const kind = await settle(`${name}:${one.do}`, (idempotencyKey, attempt) => {
          const context = world.context({ idempotencyKey, attempt });
          return one.do === 'refund'
            ? payments.refund!(context, { providerId, reference: name, amount })
            : payments.cancel!(context, { providerId });
        });
        const after = booked(last);
        if (one.do === 'refund')
          expect([one, (after?.refunded ?? 0) - (before?.refunded ?? 0)]).toEqual([one, kind === 'ok' ? one.amount : 0]);
        else expect([one, kind === 'ok']).toEqual([one, after?.captured === 0 && ['CANCELLED', 'FAILED'].includes(after.status)]);
        const { captured, refunded } = await world.facts(providerId);
        expect({ captured, refunded }).toEqual({ captured: after?.captured, refunded: after?.refunded });
      }
    }),
    { numRuns: 200, interruptAfterTimeLimit: 25_000 },
  );
  const done = world.vipps.log.all().filter(({ executed, idempotencyKey, status }) => executed && idempotencyKey !== '' && status < 300);
  expect(new Set(done.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(done.length);
}, 60_000);
