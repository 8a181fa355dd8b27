/** Payments: amounts, states and what becomes of a payment. */
import { type ConformanceTest, NEEDS, testsIn } from '../conformance-test.ts';
import { lever, LeftOut, must } from '../finding.ts';
import type { Outcome } from '../../outcome.ts';
import type { PaymentFacts } from '../../payments.ts';
import { minorOf, valueOf, type World } from '../world.ts';

const CREATE = 'payments.create';
const FETCH = 'payments.fetch';
const CAPTURE = 'payments.capture';
const REFUND = 'payments.refund';

const test = testsIn('payments', { needs: NEEDS.payments });

/** Amounts at which exponents and floats show: `4.35 * 100` is 434.99999999999994. */
const AMOUNTS: readonly (readonly [amount: string, currency: string])[] = [
  ['0.01', 'EUR'],
  ['999999.99', 'EUR'],
  ['500', 'JPY'],
  ['100', 'ISK'],
  ['123.00', 'HUF'],
  ['123.50', 'HUF'],
  ['1.230', 'KWD'],
  ['1.234', 'KWD'],
  ['12.50', 'NOK'],
  ['12.50', 'XTS'],
];
const TREACHEROUS = ['4.35', '1.15', '8.20', '19.99', '64.10', '1001.01'];
/** A word that no provider will ever use. */
const STRANGE = 'half_dreamt';

export const factTests: readonly ConformanceTest[] = [
  test('P6', 'keeps a state that it does not know verbatim, warns, and calls no money of it', async (world) => {
    const strange = lever(world.payments.strange, 'payments.strange');
    const { providerId } = await world.created();
    await strange(providerId, STRANGE);
    const facts = await world.facts(providerId);
    must(facts.captured === 0 && facts.authorized === 0, 'no money of a state that nobody knows', facts, FETCH);
    must(facts.ended === undefined, 'a payment that is still open', facts, FETCH);
    must(facts.providerState === STRANGE, `providerState “${STRANGE}”, verbatim`, facts.providerState, FETCH);
    must(
      world.logged.some(({ level }) => level === 'warn'),
      'a warning in the log',
      world.logged,
      FETCH,
    );
  }),

  test('P7', 'never takes back what was once captured, and counts apart what went back', async (world) => {
    const { refundAtDesk, dispute, winDispute, loseDispute } = world.payments;
    const { providerId } = await world.paid();
    const { captured } = await world.facts(providerId);
    must(captured > 0, 'money after the customer approved', captured, FETCH);
    if (refundAtDesk) {
      const part = Math.floor(captured / 4);
      await refundAtDesk(providerId, part);
      const { refunded, refundPending } = await mustKeep(world, providerId, captured, 'a refund at the dashboard');
      must(refunded + refundPending === part, `${part} refunded by a person`, { refunded, refundPending }, FETCH);
    }
    for (const end of [winDispute, loseDispute]) {
      if (!dispute || !end) continue;
      const disputed = await world.paid();
      await dispute(disputed.providerId);
      const open = await mustKeep(world, disputed.providerId, captured, 'a dispute');
      must(open.chargedBack > 0, 'the disputed money as charged back', open, FETCH);
      await end(disputed.providerId);
      const won = end === winDispute;
      const over = await mustKeep(world, disputed.providerId, captured, won ? 'a dispute that was won' : 'a dispute that was lost');
      must(won === (over.chargedBack === 0), won ? 'the money back' : 'the money still charged back', over, FETCH);
    }
    if (dispute && !winDispute && !loseDispute) {
      await dispute(providerId);
      const { chargedBack } = await mustKeep(world, providerId, captured, 'a dispute');
      must(chargedBack > 0, 'the disputed money as charged back', chargedBack, FETCH);
    }
  }),

  test('P8', 'takes an amount exactly, or refuses it and says so', async (world) => {
    const home = world.order().amount;
    let taken = 0;
    for (const [amount, currency] of [[home.amount, home.currency] as const, ...AMOUNTS]) {
      const before = world.wire.changes.length;
      const order = world.order({ amount: { amount, currency } });
      const outcome = await world.create(order);
      if (outcome.kind !== 'ok') {
        const refused = outcome.kind === 'failed' && outcome.reason === 'input' && outcome.field === 'amount';
        must(refused, `${amount} ${currency} taken, or failed/input with the field amount`, outcome, CREATE);
        must((await world.payments.made(order.reference)) === 0, `no payment of the refused ${amount} ${currency}`, 'one', CREATE);
        continue;
      }
      must(world.wire.changes.length > before, 'a request to the provider', 'none', CREATE);
      await mustTakeExactly(world, outcome.value.providerId, order);
      taken += 1;
    }
    must(taken > 0, `at least ${home.amount} ${home.currency}`, 'every amount was refused', CREATE);
  }),

  test('P9', 'never lets an amount become a float', async (world) => {
    const { currency } = world.order().amount;
    for (const amount of TREACHEROUS) {
      const order = world.order({ amount: { amount, currency } });
      const outcome = await world.create(order);
      const float = world.wire.changes.map(({ body }) => floatIn(body)).find((found) => found !== undefined);
      must(float === undefined, 'whole numbers and decimal texts', float, `the amount ${amount} ${currency} in a request`);
      await mustTakeExactly(world, valueOf(outcome, CREATE).providerId, order);
    }
  }),

  test(
    'P10',
    'cancels what is open, and refuses when the money was taken',
    async (world) => {
      const open = await world.created();
      const ended = await world.cancel(open.providerId, `${open.reference}:cancel:1`);
      if (ended.kind === 'failed' && ended.reason === 'permanent') world.warn(`an open payment cannot be cancelled: ${ended.message}`);
      else {
        const facts = valueOf(ended, 'payments.cancel');
        must(facts.ended === 'cancelled' || !facts.started, 'a payment that ended as cancelled', facts, 'payments.cancel');
        must((await world.facts(open.providerId)).captured === 0, 'no money', facts, FETCH);
      }
      const done = await world.paid();
      const before = await world.facts(done.providerId);
      const refused = await world.cancel(done.providerId, `${done.reference}:cancel:1`);
      must(
        refused.kind === 'failed' && refused.reason === 'permanent',
        'failed/permanent once the money was taken',
        refused,
        'payments.cancel',
      );
      must(
        (await world.facts(done.providerId)).captured === before.captured,
        'the money as it was',
        await world.facts(done.providerId),
        FETCH,
      );
    },
    NEEDS.cancel,
  ),

  test(
    'P11',
    'refunds a part and the rest, each once, and never more than there is',
    async (world) => {
      if (world.plugin.payments?.traits?.refundsAtTerminal === true) throw new LeftOut('a refund needs the card at a terminal (traits)');
      const count = lever(world.payments.refunds, 'payments.refunds');
      const mustHold = async (refunds: number): Promise<void> => {
        const found = await count(providerId);
        must(found === refunds, `${refunds} refunds at the provider`, found, REFUND);
      };
      const { providerId } = await world.paid();
      const { captured } = await world.facts(providerId);
      // Five requests in all: there are providers that take no more of one payment in a minute.
      const part = Math.floor(captured / 3);
      const first = valueOf(await world.refund(providerId, 'ref_part', sized(world, part)), REFUND);
      const again = valueOf(await world.refund(providerId, 'ref_part', sized(world, part)), REFUND);
      must(again.providerId === first.providerId, 'the same refund for the same key', [first, again], REFUND);
      await mustHold(1);
      const excess = await world.refund(providerId, 'ref_excess', sized(world, captured - part + 1));
      must(isRefusal(excess), 'failed for more than is left', excess, REFUND);
      await mustHold(1);

      world.wire.script('drop-after');
      const lost = await world.refund(providerId, 'ref_rest', sized(world, captured - part));
      world.wire.mend();
      must(lost.kind === 'unknown', 'unknown when the answer was lost', lost, REFUND);
      valueOf(await world.refund(providerId, 'ref_rest', sized(world, captured - part)), `${REFUND} under the same key`);
      await mustHold(2);
      const facts = await world.facts(providerId);
      must(facts.refunded + facts.refundPending === captured, 'all of it refunded, or on its way', facts, FETCH);
      must(facts.captured === captured, 'the captured amount as it was', facts, FETCH);
    },
    NEEDS.refund,
  ),

  test('P12', 'says in our words why a bank declined', async (world) => {
    const decline = lever(world.payments.decline, 'payments.decline');
    for (const [code, reason] of Object.entries(lever(world.payments.declines, 'payments.declines'))) {
      const { providerId } = await world.created();
      await decline(providerId, code);
      const facts = await world.facts(providerId);
      must(facts.failure?.reason === reason, `the reason ${reason} for ${code}`, facts.failure, 'the table of declines');
      must(facts.failure.providerCode === code, `the provider’s own ${code} beside it`, facts.failure, 'the table of declines');
      must(facts.captured === 0 && facts.authorized === 0, 'no money', facts, FETCH);
    }
  }),

  test(
    'P14',
    'captures a part or the whole of what was authorized, once, also when the answer was lost',
    async (world) => {
      for (const share of [1, 2]) {
        const order = world.order({ capture: 'manual' });
        const { providerId } = valueOf(await world.create(order), CREATE);
        await world.payments.approve(providerId);
        const whole = minorOf(order.amount.amount);
        const before = await world.facts(providerId);
        must(before.authorized === whole && before.captured === 0, `${whole} authorized and nothing captured`, before, FETCH);

        const wanted = Math.floor(whole / share);
        const capture = () => world.capture(providerId, sized(world, wanted), `${order.reference}:capture:1`);
        world.wire.script('drop-after');
        const lost = await capture();
        world.wire.mend();
        must(lost.kind === 'unknown', 'unknown when the answer was lost', lost, CAPTURE);
        valueOf(await capture(), `${CAPTURE} under the same key`);
        valueOf(await capture(), `${CAPTURE} under the same key`);
        const after = await world.facts(providerId);
        must(after.captured === wanted, `${wanted} captured, once`, after, FETCH);
        must(after.authorized === whole, 'the authorized amount as it was', after, FETCH);
      }
    },
    NEEDS.capture,
  ),

  test('P15', 'ends a payment that nobody came to pay', async (world) => {
    const expire = lever(world.payments.expire, 'payments.expire');
    const { providerId } = await world.created();
    await expire(providerId);
    const facts = await world.facts(providerId);
    must(facts.ended === 'expired', 'ended: expired', facts, FETCH);
    must(facts.captured === 0, 'no money', facts, FETCH);
  }),
];

/** Money of the world's currency from minor units, by the decimals of the kit's order. */
export function sized(world: World, minor: number): { readonly amount: string; readonly currency: string } {
  const { amount, currency } = world.order().amount;
  const digits = amount.split('.')[1]?.length ?? 0;
  const padded = String(minor).padStart(digits + 1, '0');
  return { amount: digits === 0 ? padded : `${padded.slice(0, -digits)}.${padded.slice(-digits)}`, currency };
}

/** The provider will never do it, or the flow asked for what cannot be. */
function isRefusal(outcome: Outcome<unknown>): boolean {
  return outcome.kind === 'failed' && (outcome.reason === 'input' || outcome.reason === 'permanent');
}

async function mustKeep(world: World, providerId: string, captured: number, after: string): Promise<PaymentFacts> {
  const facts = await world.facts(providerId);
  must(facts.captured === captured, `still ${captured} captured after ${after}`, facts, FETCH);
  must(facts.ended === undefined, `a payment that did not end by ${after}`, facts, FETCH);
  return facts;
}

async function mustTakeExactly(world: World, providerId: string, order: ReturnType<World['order']>): Promise<void> {
  await world.approved(providerId, order);
  const facts = await world.facts(providerId);
  const minor = minorOf(order.amount.amount);
  const { amount, currency } = order.amount;
  must(facts.captured === minor, `${minor} captured of ${amount} ${currency}`, facts.captured, 'amounts, to the provider and back');
}

/** A JSON number that is not whole, or a number in a form that has more decimals than any currency. */
function floatIn(body: string): string | undefined {
  if (/^\s*[{[]/.test(body)) {
    const withoutTexts = body.replace(/"(?:[^"\\]|\\.)*"/g, '""');
    return /-?\d+(?:\.\d+|\.?\d*[eE][+-]?\d+)/.exec(withoutTexts)?.[0];
  }
  return [...new URLSearchParams(body).values()].find((value) => /^-?\d+\.\d{4,}$|^-?[\d.]+e[+-]?\d+$/i.test(value));
}
