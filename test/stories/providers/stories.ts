/**
 * What happens to payments at every provider, told once: through our HTTP API with the program as a process, and at the provider's desk.
 * A story names the acts that it needs; where a provider has not got one, the desk says why, and that stands in place of the story.
 * After each, the provider's books, our ledger and the payment must say the same.
 */
import { expect } from '@jest/globals';
import { actOf, truthOf, type Act, type Desk, type Truth } from '../../desks/desk.ts';
import type { Paid, Till } from './till.ts';

export interface Story {
  readonly title: string;
  readonly needs: readonly (Act | 'webhooks' | 'refunds in parts')[];
  readonly tell: (till: Till) => Promise<void>;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const TOTAL = 2_000;
/** Refused by nobody in between: every request of ours to the provider. */
const EVERYTHING = '';

export const STORIES: readonly Story[] = [
  {
    title: 'pitfall 26: a customer who comes back without paying has not paid; one who pays has, once',
    needs: [],
    tell: async (till) => {
      const { payment, invoice } = await opened(till);
      expect(['created', 'pending']).toContain((await till.payment(payment.id)).status);
      await act(till, 'approve', payment);
      await till.becomes(payment.id, 'completed');
      expect(await statusOf(till, invoice)).toBe('paid');
      await agree(till, payment, { captured: TOTAL });
    },
  },
  {
    title: 'a bank that declines leaves no money anywhere',
    needs: ['decline'],
    tell: async (till) => {
      const { payment, invoice } = await opened(till);
      await act(till, 'decline', payment);
      if (till.desk.manners.declined === 'open') {
        // The customer may try again on the page, and does.
        expect(['created', 'pending']).toContain((await till.payment(payment.id)).status);
        await act(till, 'approve', payment);
        await till.becomes(payment.id, 'completed');
        return agree(till, payment, { captured: TOTAL });
      }
      await till.becomes(payment.id, 'failed');
      expect(await statusOf(till, invoice)).toBe('issued');
      await agree(till, payment, {});
    },
  },
  {
    title: 'a customer who turns back ends the payment',
    needs: ['abandon'],
    tell: async (till) => {
      const { payment, invoice } = await opened(till);
      await act(till, 'abandon', payment);
      await till.becomes(payment.id, till.desk.manners.abandoned);
      expect(await statusOf(till, invoice)).toBe('issued');
      await agree(till, payment, {});
    },
  },
  {
    title: 'a payment that nobody approves runs out, and is known to',
    needs: ['expire'],
    tell: async (till) => {
      const { payment } = await opened(till);
      const before = till.desk.now();
      await act(till, 'expire', payment);
      // Where running out takes time at the desk, it takes as much here.
      await till.catchUp(till.desk.now() - before);
      await till.eventuallyAfter(
        HOUR_MS,
        async () => (await till.lookedAt(payment.id)).status === 'expired',
        () => 'the payment never ran out',
      );
      await agree(till, payment, {});
    },
  },
  {
    title: 'a part goes back, and the rest after it; a request that is repeated is one',
    needs: ['approve', 'refunds in parts'],
    tell: async (till) => {
      const payment = await completed(till);
      await refunded(till, payment, 700, 'partially-refunded', 2);
      await till.advance(till.desk.manners.refundPauseMs);
      await refunded(till, payment, 1_300, 'refunded', 1);
      await agree(till, payment, { captured: TOTAL, refunded: TOTAL });
      const more = await till.api.send('POST', '/v1/refunds', { payment: payment.id, amount: till.amount(1) }, `${payment.id}-more`);
      expect(more.status).toBeGreaterThanOrEqual(400);
    },
  },
  {
    title: 'pitfall 5: what somebody gives back in the dashboard is in our books, as theirs',
    needs: ['approve', 'refund-at-desk', 'webhooks', 'refunds in parts'],
    tell: async (till) => {
      const payment = await completed(till);
      await act(till, 'refund-at-desk', payment, 450);
      if (till.desk.manners.refund === 'pending') await act(till, 'finish-refund', payment, 0);
      await till.becomes(payment.id, 'partially-refunded');
      const { items } = await till.api.get<{ items: readonly unknown[] }>(`/v1/refunds?payment=${payment.id}`);
      expect(items).toMatchObject([{ origin: 'provider', status: 'completed', amount: till.amount(450) }]);
      await agree(till, payment, { captured: TOTAL, refunded: 450 });
    },
  },
  {
    title: 'pitfall 6: a refund that was done fails after days, and the money is ours again',
    needs: ['approve', 'fail-refund', 'refunds in parts'],
    tell: async (till) => {
      const payment = await completed(till);
      await refunded(till, payment, 600, 'partially-refunded', 1);
      await till.advance(2 * DAY_MS);
      await act(till, 'fail-refund', payment, 0);
      await till.becomes(payment.id, 'completed');
      const { items } = await till.api.get<{ items: readonly unknown[] }>(`/v1/refunds?payment=${payment.id}`);
      expect(items).toMatchObject([{ origin: 'kassaflow', status: 'failed' }]);
      await agree(till, payment, { captured: TOTAL });
    },
  },
  {
    title: 'pitfall 9: a dispute takes the money, and winning it brings it back',
    needs: ['approve', 'dispute', 'win-dispute'],
    tell: async (till) => {
      const { payment, invoice } = await paid(till);
      await act(till, 'dispute', payment, TOTAL);
      await till.becomes(payment.id, 'charged-back');
      expect(await statusOf(till, invoice)).toBe('issued');
      await agree(till, payment, { captured: TOTAL, chargedBack: TOTAL });
      await act(till, 'win-dispute', payment, TOTAL);
      await till.becomes(payment.id, 'completed');
      expect(await statusOf(till, invoice)).toBe('paid');
      await agree(till, payment, { captured: TOTAL });
    },
  },
  {
    title: 'a dispute that is lost is the end of the money',
    needs: ['approve', 'dispute', 'lose-dispute'],
    tell: async (till) => {
      const payment = await completed(till);
      await act(till, 'dispute', payment, TOTAL);
      await till.becomes(payment.id, 'charged-back');
      await act(till, 'lose-dispute', payment, TOTAL);
      await till.deliver();
      await agree(till, payment, { captured: TOTAL, chargedBack: TOTAL });
      const { items } = await till.api.get<{ items: readonly unknown[] }>(`/v1/disputes?payment=${payment.id}`);
      await till.eventually(
        async () => JSON.stringify(await till.api.get(`/v1/disputes?payment=${payment.id}`)).includes('"lost"'),
        () => `the dispute was never lost: ${JSON.stringify(items)}`,
      );
    },
  },
  {
    title: 'pitfall 7: money that was under way for days arrives, and is taken back three weeks later',
    needs: ['approve-slowly', 'arrive', 'dispute'],
    tell: async (till) => {
      const { payment, invoice } = await opened(till);
      await act(till, 'approve-slowly', payment);
      await till.becomes(payment.id, 'pending');
      await till.advance(2 * DAY_MS);
      await act(till, 'arrive', payment);
      await till.becomes(payment.id, 'completed');
      await till.advance(21 * DAY_MS);
      await act(till, 'dispute', payment, TOTAL);
      await till.becomes(payment.id, 'charged-back');
      expect(await statusOf(till, invoice)).toBe('issued');
      await agree(till, payment, { captured: TOTAL, chargedBack: TOTAL });
    },
  },
  {
    title: 'pitfall 8: a bank takes back without a dispute what had come',
    needs: ['take-back'],
    tell: async (till) => {
      const { payment, invoice } = await opened(till);
      const isSlow = typeof till.desk.acts['approve-slowly'] !== 'string';
      await act(till, isSlow ? 'approve-slowly' : 'approve', payment);
      if (isSlow) await act(till, 'arrive', payment);
      await till.becomes(payment.id, 'completed');
      await till.advance(21 * DAY_MS);
      await act(till, 'take-back', payment);
      await till.becomes(payment.id, 'charged-back');
      expect(await statusOf(till, invoice)).toBe('issued');
      await agree(till, payment, { captured: TOTAL, chargedBack: TOTAL });
    },
  },
  {
    title: 'money that was under way bounces',
    needs: ['approve-slowly', 'bounce'],
    tell: async (till) => {
      const { payment, invoice } = await opened(till);
      await act(till, 'approve-slowly', payment);
      await till.becomes(payment.id, 'pending');
      await act(till, 'bounce', payment);
      await till.becomes(payment.id, 'failed');
      expect(await statusOf(till, invoice)).toBe('issued');
      await agree(till, payment, {});
    },
  },
  {
    title: 'pitfall 2: the webhook comes before the answer to our own request',
    needs: ['approve', 'webhooks'],
    tell: async (till) => {
      const before = await opened(till);
      const invoice = await till.invoice();
      till.desk.faults.add({ match: till.desk.writes, action: 'delay', delayMs: 3_000 });
      const opening = till.pay(invoice);
      const { id } = await till.newest(before.payment.id);
      await till.eventually(
        async () => till.desk.made(id).length === 1,
        () => 'the provider never heard of it',
      );
      const [providerId = ''] = till.desk.made(id);
      await actOf(till.desk, 'approve')(providerId, TOTAL);
      expect(new Set(await till.deliver())).toEqual(new Set([200]));
      await opening;
      const payment = await till.becomes(id, 'completed');
      await agree(till, payment, { captured: TOTAL });
    },
  },
  {
    title: 'pitfalls 1 and 3: everything arrives five times and shuffled, and happens once',
    needs: ['approve', 'webhooks'],
    tell: async (till) => {
      const { payment, invoice } = await opened(till);
      await act(till, 'approve', payment);
      const posted = await till.desk.posted();
      expect(new Set(await till.deliver(5, posted))).toEqual(new Set([200]));
      await till.becomes(payment.id, 'completed');
      expect(new Set(await till.deliver(5, posted.toReversed()))).toEqual(new Set([200]));
      const { items } = await till.api.get<{ items: readonly unknown[] }>(
        `/v1/events?type=payment.completed&subject=payment/${payment.id}`,
      );
      expect(items).toHaveLength(1);
      expect(await statusOf(till, invoice)).toBe('paid');
      await agree(till, payment, { captured: TOTAL });
    },
  },
  {
    title: 'whoever does not have the secret is not let in',
    needs: ['webhooks'],
    tell: async (till) => {
      const { payment } = await opened(till);
      await till.deliver();
      const forged = till.desk.forged(payment.providerId);
      if (typeof forged === 'string') throw new TypeError(forged);
      expect(await till.deliver(1, [forged])).toEqual([401]);
      expect(await till.deliver(1, [{ ...forged, headers: () => ({ 'content-type': 'application/json' }) }])).toEqual([401]);
      expect(['created', 'pending']).toContain((await till.payment(payment.id)).status);
      await agree(till, payment, {});
    },
  },
  {
    title: 'news that is three days late is as good as any',
    needs: ['approve', 'webhooks', 'refund-at-desk', 'refunds in parts'],
    tell: async (till) => {
      const payment = await completed(till);
      await act(till, 'refund-at-desk', payment, 300);
      if (till.desk.manners.refund === 'pending') await act(till, 'finish-refund', payment, 0);
      const late = await till.desk.posted();
      expect(late.length).toBeGreaterThan(0);
      await till.advance(3 * DAY_MS);
      // The program sees the jump of the clock a moment after the desk; until then a signature is one from the future.
      await till.eventually(
        async () => (await till.deliver(1, late)).every((status) => status === 200),
        () => 'late news is refused',
      );
      await till.becomes(payment.id, 'partially-refunded');
      await agree(till, payment, { captured: TOTAL, refunded: 300 });
    },
  },
  {
    title: 'a provider that is away for two hours is waited for: nothing is lost, and nothing is asked for twice',
    needs: ['approve'],
    tell: async (till) => {
      const { payment: before } = await opened(till);
      await act(till, 'approve', before);
      const news = await till.desk.posted();
      till.desk.faults.add({ match: EVERYTHING, action: 'drop', times: Number.MAX_SAFE_INTEGER });
      await till.deliver(1, news);
      const during = await till.pay(await till.invoice());
      await till.advance(2 * HOUR_MS);
      till.desk.faults.clear();
      await till.eventuallyAfter(
        31 * MINUTE_MS,
        async () => (await till.payment(before.id)).status === 'completed',
        () => 'the payment was never seen',
      );
      await agree(till, before, { captured: TOTAL });
      const { payments } = till.desk.plugin;
      // One that cannot be asked for by our reference stays in doubt, and is shown so: nobody pays it, and nobody makes it twice.
      if (!payments || !('find' in payments) || payments.traits?.findsByReport)
        return expect(till.desk.made(during.id).length).toBeLessThanOrEqual(1);
      let found = during;
      await till.eventuallyAfter(
        31 * MINUTE_MS,
        async () => ((found = await till.payment(during.id)), found.providerId !== '' || found.status === 'failed'),
        () => `the outcome was never known: ${JSON.stringify(found)}`,
      );
      expect(till.desk.made(during.id)).toHaveLength(found.status === 'failed' ? 0 : 1);
    },
  },
  {
    title: 'pitfalls 14 and 16: an answer is lost and the key is forgotten before we come back: the money goes back once',
    needs: ['approve', 'refunds in parts'],
    tell: async (till) => {
      const payment = await completed(till);
      await till.advance(till.desk.manners.refundPauseMs);
      const { keyTtlMs } = till.desk.plugin.payments ?? { keyTtlMs: 0 };
      till.desk.faults.add({ match: till.desk.writes, action: 'reset-after' });
      const wish = { payment: payment.id, amount: till.amount(800) };
      await till.api.send('POST', '/v1/refunds', wish, `${payment.id}-lost`);
      // From now on nobody answers, until the key is forgotten.
      till.desk.faults.add({ match: EVERYTHING, action: 'drop', times: Number.MAX_SAFE_INTEGER });
      await till.advance(keyTtlMs + HOUR_MS);
      till.desk.faults.clear();
      if (till.desk.manners.refund === 'pending' && truthOf(till.desk.account(payment.providerId)).refunded === 0)
        await act(till, 'finish-refund', payment, 0);
      await till.eventuallyAfter(
        6 * HOUR_MS,
        async () => (await till.payment(payment.id)).status === 'partially-refunded',
        () => 'the refund was never found',
      );
      const { items } = await till.api.get<{ items: readonly unknown[] }>(`/v1/refunds?payment=${payment.id}`);
      expect(items).toMatchObject([{ origin: 'kassaflow', status: 'completed' }]);
      await agree(till, payment, { captured: TOTAL, refunded: 800 });
    },
  },
  {
    title: 'pitfall 28: two attempts at one invoice are both paid: the second is nobody’s yet, and is said to be',
    needs: ['approve'],
    tell: async (till) => {
      const invoice = await till.invoice();
      const first = await till.pay(invoice);
      const second = await till.pay(invoice);
      await act(till, 'approve', first);
      await till.becomes(first.id, 'completed');
      await act(till, 'approve', second);
      await till.becomes(second.id, 'completed');
      expect((await till.books(first.id)).onInvoices).toBe(TOTAL);
      expect(await till.books(second.id)).toEqual({ owed: TOTAL, onInvoices: 0 });
      expect(await statusOf(till, invoice)).toBe('paid');
    },
  },
];

/** Why the story cannot be told at this desk; nothing when it can. */
export function whyNot({ needs }: Story, desk: Desk): string | undefined {
  for (const need of needs) {
    if (need === 'webhooks' && !desk.plugin.webhook) return 'It posts nothing.';
    if (need === 'refunds in parts' && desk.manners.refunds !== 'in-parts')
      return 'Only a whole sale can be undone, and only within minutes.';
    if (need === 'dispute' && desk.manners.chargebacks === 'in-settlements')
      return 'A chargeback is no event and no fact of the payment: only the settlement report has it (pitfall 10), and test mode has none.';
    const does = need === 'webhooks' || need === 'refunds in parts' ? undefined : desk.acts[need];
    if (typeof does === 'string') return does;
  }
  return undefined;
}

async function opened(till: Till): Promise<{ readonly payment: Paid; readonly invoice: string }> {
  const invoice = await till.invoice();
  return { payment: await till.pay(invoice), invoice };
}

async function paid(till: Till): Promise<{ readonly payment: Paid; readonly invoice: string }> {
  const { payment, invoice } = await opened(till);
  await act(till, 'approve', payment);
  await till.becomes(payment.id, 'completed');
  return { payment, invoice };
}

async function completed(till: Till): Promise<Paid> {
  return (await paid(till)).payment;
}

async function act(till: Till, what: Act, { providerId }: Paid, number = TOTAL): Promise<void> {
  await actOf(till.desk, what)(providerId, number);
}

async function refunded(till: Till, payment: Paid, amount: number, status: string, times: number): Promise<void> {
  const wish = { payment: payment.id, amount: till.amount(amount), reason: 'half of it' };
  const answers = [];
  for (let time = 0; time < times; time += 1) answers.push(await till.api.post('/v1/refunds', wish, `${payment.id}-${amount}`));
  expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
  if (till.desk.manners.refund === 'pending') await act(till, 'finish-refund', payment, status === 'refunded' ? 1 : 0);
  await till.becomes(payment.id, status);
}

async function statusOf(till: Till, invoice: string): Promise<unknown> {
  return (await till.api.get(`/v1/invoices/${invoice}`))['status'];
}

/** The provider's books, our ledger and what we expect are one; and the provider has made one payment for ours. */
async function agree(till: Till, payment: Paid, expected: Partial<Truth>): Promise<void> {
  const whole = { captured: 0, refunded: 0, chargedBack: 0, ...expected };
  const net = whole.captured - whole.refunded - whole.chargedBack;
  await till.eventually(
    async () => (await till.books(payment.id)).owed === net,
    () => `the ledger never came to ${net}`,
  );
  expect(truthOf(till.desk.account(payment.providerId))).toEqual(whole);
  expect(await till.books(payment.id)).toEqual({ owed: net, onInvoices: net });
  expect(till.desk.made(payment.id)).toHaveLength(1);
}
