/** Payments: what is asked for once happens once, and an answer that was lost is found again. */
import { type ConformanceTest, NEEDS, testsIn } from '../conformance-test.ts';
import { lever, must, show } from '../finding.ts';
import { RETRY_AFTER_SECONDS, type Sent, type WireFault } from '../wire.ts';
import { valueOf, type World } from '../world.ts';
import { mustHideSecrets } from './connection.ts';

const CREATE = 'payments.create';

const test = testsIn('payments', { needs: NEEDS.payments });

export const onceTests: readonly ConformanceTest[] = [
  test('P1', 'makes a payment and says what the customer has to do', async (world) => {
    const order = world.order();
    const { providerId, facts, next } = valueOf(await world.create(order), CREATE);
    must(providerId !== '', 'the provider’s id', providerId, CREATE);
    must(facts.captured === 0 && facts.refunded === 0 && facts.chargedBack === 0, 'no money before the customer approved', facts, CREATE);
    must(facts.currency === order.amount.currency, `the currency ${order.amount.currency}`, facts.currency, CREATE);
    must(facts.ended === undefined, 'a payment that is open', facts, CREATE);
    if (next.kind === 'redirect') must(URL.canParse(next.url), 'an address to send the customer to', next.url, CREATE);
    if (next.kind === 'push' || next.kind === 'qr') must(next.expiresAt > world.now(), 'a time that is to come', next, CREATE);
    must(
      (await world.payments.made(order.reference)) === 1,
      'one payment at the provider',
      await world.payments.made(order.reference),
      CREATE,
    );
  }),

  test('P2', 'sends our key, unchanged by the attempt, and makes one payment of it', async (world) => {
    const order = world.order();
    const key = `${order.reference}:create:1`;
    const first = valueOf(await world.create(order, { key, attempt: 1 }), CREATE);
    const firstSent = world.wire.changes.at(-1);
    const again = valueOf(await world.create(order, { key, attempt: 2 }), CREATE);
    const made = await world.payments.made(order.reference);
    must(made === 1, 'one payment of one key', `${made} payments were made`, 'the key that payments.create sends');
    must(again.providerId === first.providerId, 'the same payment for the same key', [first.providerId, again.providerId], CREATE);
    const secondSent = world.wire.changes.at(-1);
    if (firstSent && secondSent && firstSent !== secondSent)
      must(same(firstSent, secondSent), 'the same bytes for the same key', [firstSent.body, secondSent.body], CREATE);
  }),

  test('P3', 'makes one payment of ten calls at a time with one key', async (world) => {
    const order = world.order();
    const outcomes = await Promise.all(Array.from({ length: 10 }, (_, index) => world.create(order, { attempt: index + 1 })));
    const ids = new Set(outcomes.flatMap((outcome) => (outcome.kind === 'ok' ? [outcome.value.providerId] : [])));
    must(ids.size === 1, 'one payment for everybody who got an answer', [...ids], CREATE);
    const refused = outcomes.find(
      (one) => one.kind === 'declined' || (one.kind === 'failed' && !['temporary', 'rate-limited'].includes(one.reason)),
    );
    must(refused === undefined, 'ok, or “try again”, for all ten', refused, CREATE);
    const made = await world.payments.made(order.reference);
    must(made === 1, 'one payment of one key', `${made} payments were made`, CREATE);
  }),

  test(
    'P4',
    'finds a payment whose answer was lost',
    async (world) => {
      const order = world.order();
      const begunAt = world.now();
      world.wire.script('drop-after');
      const lost = await world.create(order);
      world.wire.mend();
      must(lost.kind === 'unknown', 'unknown, because nobody saw the answer', lost, CREATE);
      must((await world.payments.made(order.reference)) === 1, 'a payment at the provider', 0, CREATE);
      const found = await world.findOrLater(order.reference);
      must(found !== undefined, 'the payment that is there', 'ok without a payment, which says that it was never made', 'payments.find');
      const again = valueOf(await world.create(order, { attempt: 2 }), CREATE);
      if (found !== 'later') must(again.providerId === found.providerId, 'the found payment again under its key', again.providerId, CREATE);
      const made = await world.payments.made(order.reference);
      must(made === 1, 'one payment in the end', `${made} payments were made`, CREATE);
      if (found !== 'later') await mustFindWhenKeyIsForgotten(world, order.reference, found.providerId, begunAt);
      world.wire.cut();
      const blind = await world.find(order.reference);
      must(blind.kind === 'failed', 'failed when the provider cannot be asked: absence is proved or not said', blind, 'payments.find');
    },
    NEEDS.find,
  ),

  test(
    'P5',
    'proves that a payment was never made, and makes it then',
    async (world) => {
      const order = world.order();
      await world.created();
      world.wire.script('drop-before');
      const lost = await world.create(order);
      world.wire.mend();
      must(lost.kind === 'unknown' || (lost.kind === 'failed' && lost.reason === 'temporary'), 'unknown or failed/temporary', lost, CREATE);
      const found = await world.findOrLater(order.reference);
      must(found === undefined || found === 'later', 'ok without a payment: the provider never saw it', found, 'payments.find');
      valueOf(await world.create(order, { attempt: 2 }), CREATE);
      const made = await world.payments.made(order.reference);
      must(made === 1, 'one payment in the end', `${made} payments were made`, CREATE);
    },
    NEEDS.find,
  ),

  test('P20', 'slows down for as long as the provider asks', async (world) => {
    world.wire.script('429');
    const outcome = await world.create(world.order());
    must(outcome.kind === 'failed' && outcome.reason === 'rate-limited', 'failed/rate-limited', outcome, CREATE);
    must(
      outcome.retryAfterMs === RETRY_AFTER_SECONDS * 1_000,
      `retryAfterMs ${RETRY_AFTER_SECONDS}000, as Retry-After said`,
      outcome,
      CREATE,
    );
  }),

  test('P21', 'says that the credentials are refused, and shows none of them', async (world) => {
    const { settings, field } = lever(world.provider.wrongKey, 'wrongKey');
    const outcome = await world.create(world.order(), { settings });
    must(outcome.kind === 'failed' && outcome.reason === 'auth', 'failed/auth', outcome, CREATE);
    must(outcome.field === undefined || outcome.field === field, `the field ${field}, or none`, outcome, CREATE);
    mustHideSecrets(world, settings, outcome);
  }),

  test('P22', 'says unknown, and does nothing more, when an answer does not come or cannot be read', async (world) => {
    for (const fault of IN_DOUBT) await mustBeUnknown(world, fault);
    const { providerId } = await world.created();
    for (const fault of ['500-after', 'html-after', 'drop-after'] as const) {
      world.wire.script(fault, 'reads');
      const read = await world.fetch(providerId);
      world.wire.mend();
      must(
        read.kind === 'failed' && read.reason === 'temporary',
        `failed/temporary for a read that met ${fault}: nothing can have happened`,
        read,
        'payments.fetch',
      );
    }
  }),
];

/** After its key is forgotten, asking again would make a second payment: from then on `find` alone stands between a customer and that. */
async function mustFindWhenKeyIsForgotten(world: World, reference: string, providerId: string, begunAt: number): Promise<void> {
  const { advance } = world.provider;
  if (advance === undefined) return world.warn('the lever advance is not given: nothing is known of the time when the key is forgotten');
  await advance((world.plugin.payments?.keyTtlMs ?? 0) + 60_000);
  const found = valueOf(await world.find(reference, {}, begunAt), 'payments.find');
  must(found?.providerId === providerId, `the payment ${providerId} still, when its key is forgotten`, found, 'payments.find');
}

const IN_DOUBT = [
  '500-after',
  '503-before',
  'html-after',
  'truncated-after',
  'drop-after',
  'hang-after',
] as const satisfies readonly WireFault[];

async function mustBeUnknown(world: World, fault: WireFault): Promise<void> {
  const order = world.order();
  world.wire.script(fault);
  const hangs = fault === 'hang-after';
  const outcome = await world.create(order, hangs ? { signal: AbortSignal.timeout(300), withinMs: 1_300 } : {});
  world.wire.mend();
  const made = await world.payments.made(order.reference);
  must(made <= 1, `one payment after ${fault}`, `${made} payments were made: the plugin sent it again under another key`, CREATE);
  must(outcome.kind === 'unknown', `unknown after ${fault}`, outcome, 'how payments.create reads an answer that is none');
  const keys = new Set(world.wire.changes.filter((one) => holds(one, order.reference)).map(keyOf));
  must(keys.size <= 1, `one key for all that the plugin sent after ${fault}`, [...keys], CREATE);
}

function holds(sent: Sent, reference: string): boolean {
  return sent.body.includes(reference);
}

/** The header that providers use for keys, by whatever spelling. */
function keyOf(sent: Sent): string {
  const found = Object.entries(sent.headers).find(([name]) => /idempotency-key|request-id|transaction-id/.test(name));
  return found ? `${found[0]}: ${show(found[1])}` : '';
}

function same(first: Sent, second: Sent): boolean {
  return first.path === second.path && first.body === second.body && keyOf(first) === keyOf(second);
}
