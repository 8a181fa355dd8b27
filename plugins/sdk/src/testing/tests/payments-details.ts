/** Payments: mandates, addresses, texts, references, capabilities. */
import { type ConformanceTest, NEEDS, testsIn } from '../conformance-test.ts';
import { LeftOut, lever, must } from '../finding.ts';
import type { ChargeMandate, CreatedPayment } from '../../payments.ts';
import type { Outcome } from '../../outcome.ts';
import type { Sent } from '../wire.ts';
import { CANCEL_URL, RETURN_URL, valueOf, type World } from '../world.ts';

const CREATE = 'payments.create';

const test = testsIn('payments', { needs: NEEDS.payments });

/** Providers cut at 100, 127, 255, 500 and 1,000 places. 🎟 takes two: wherever a naive cut falls, it halves one of the two rows of them. */
const DESCRIPTIONS: readonly (readonly [what: string, text: string])[] = [
  ['no text', ''],
  ['1,200 characters', 'Tickets and drinks '.repeat(64).slice(0, 1_200)],
  ['a family of emoji', 'Entrée voor 👨‍👩‍👧‍👦'],
  ['600 emoji', '🎟'.repeat(600)],
  ['600 emoji behind a letter', `x${'🎟'.repeat(600)}`],
  ['a line break', 'Order 7\nTable 3\r\nThank you'],
  ['markup and quotes', `<b>"O'Neill" & sons</b>`],
];
const LOCALES = ['nl', 'nl-NL', 'nb_NO', 'en-GB', 'tlh', 'xx-YY'];
/** Members of `payments` that say something and do nothing. */
const NO_METHODS: ReadonlySet<string> = new Set(['keyTtlMs', 'traits', 'hostedFields']);
/** Parameters in which a provider may add its own to a return address are left to it; what we gave must stay as it is. */
const OURS = [RETURN_URL, CANCEL_URL];

export const detailTests: readonly ConformanceTest[] = [
  test(
    'P13',
    'charges a mandate once, and says so when it was revoked',
    async (world) => {
      const mandates = lever(world.provider.mandates, 'mandates');
      const given = await mandates.give();
      const charge = chargeOf(world, given);
      world.wire.script('drop-after');
      const lost = await doCharge(world, charge);
      world.wire.mend();
      must(lost.kind === 'unknown', 'unknown when the answer was lost', lost, 'payments.charge');
      const first = valueOf(await doCharge(world, charge), 'payments.charge under the same key');
      const again = valueOf(await doCharge(world, charge), 'payments.charge');
      must(first.providerId === again.providerId, 'one charge of one key', [first.providerId, again.providerId], 'payments.charge');
      const made = await world.payments.made(charge.reference);
      must(made === 1, 'one payment at the provider', `${made} payments were made`, 'payments.charge');
      const facts = await world.facts(first.providerId);
      must(facts.currency === charge.amount.currency, 'a payment that fetch knows', facts, 'payments.fetch');
      await mandates.revoke(given.mandate);
      const refused = await doCharge(world, chargeOf(world, given));
      const reason = await reasonOf(world, refused);
      must(reason !== undefined, 'declined, failed, or a payment that failed, once the mandate was revoked', refused, 'payments.charge');
      must(
        ['mandate-revoked', 'account-closed', 'input', 'permanent', 'other'].includes(reason),
        'a reason that is never retried',
        refused,
        'payments.charge',
      );
    },
    NEEDS.charge,
  ),

  test('P16', 'passes the return address and the webhook address on unchanged', async (world) => {
    const order = world.order();
    valueOf(await world.create(order), CREATE);
    const texts = world.wire.changes.flatMap(textsIn);
    const ours = [...OURS, order.webhookUrl];
    for (const text of texts) {
      const changed = ours.find((url) => text !== url && looksLike(text, url) && !ours.includes(text));
      must(changed === undefined, `the address ${changed ?? ''} as it was given`, text, CREATE);
    }
    if ((order.flow ?? 'redirect') === 'redirect')
      must(texts.includes(RETURN_URL), `the return address ${RETURN_URL}`, 'a request without it', CREATE);
    if (!texts.includes(order.webhookUrl)) world.warn('the webhook address is not sent with a payment: it is registered at the provider');
  }),

  test('P17', 'copes with any description and any language', async (world) => {
    for (const [what, description] of DESCRIPTIONS)
      valueOf(await world.create(world.order({ description })), `${CREATE}: a description with ${what}`);
    const broken = world.wire.changes.flatMap(textsIn).find((text) => !text.isWellFormed() || text.includes('\uFFFD'));
    must(broken === undefined, 'no text cut in the middle of a character', broken?.slice(-20), `${CREATE}: how it shortens a description`);
    for (const locale of LOCALES) {
      const { customer } = world.order();
      const given = { ...customer, reference: 'cus_7', locale };
      valueOf(await world.create(world.order({ customer: given })), `${CREATE}: the locale ${locale}`);
    }
  }),

  test('P18', 'finds our reference again, at the provider and in what it sends', async (world) => {
    const { providerId, reference } = await world.paid();
    const find = NEEDS.find.has(world.plugin);
    const sent = await world.provider.webhooks?.sent?.();
    if (!find && (!world.plugin.webhook || !sent)) throw new LeftOut('neither payments.find nor the lever webhooks.sent is there');
    if (find) {
      const found = await world.findOrLater(reference);
      must(found === 'later' || found?.providerId === providerId, `the payment ${providerId}`, found, 'payments.find');
    }
    if (!world.plugin.webhook || !sent) return;
    const signals = (await Promise.all(sent.map((delivery) => world.translate(delivery)))).flat().filter(({ kind }) => kind === 'payment');
    must(signals.length > 0, 'a signal about the payment', 'none', 'webhook.translate');
    for (const signal of signals) {
      const known = signal.reference === reference || signal.providerId === providerId;
      if (known) continue;
      must(signal.providerId !== undefined, 'our reference or the provider’s id', signal, 'webhook.translate');
      valueOf(await world.fetch(signal.providerId), 'payments.fetch by the id that a signal carries');
    }
  }),

  test('P19', 'has what its capabilities promise', async ({ plugin }) => {
    const { payments, mandates } = plugin;
    must(
      Number.isSafeInteger(payments?.keyTtlMs) && (payments?.keyTtlMs ?? 0) >= 1_000,
      'keyTtlMs in milliseconds',
      payments?.keyTtlMs,
      'payments',
    );
    must(
      (mandates === undefined) === (payments?.charge === undefined),
      'mandates together with payments.charge',
      { mandates: mandates !== undefined, charge: payments?.charge !== undefined },
      'plugin',
    );
    for (const [name, value] of Object.entries(payments ?? {})) {
      if (NO_METHODS.has(name)) continue;
      must(typeof value === 'function', 'a method, or nothing: absence is a statement', `${name} is ${typeof value}`, 'payments');
    }
    if (payments?.traits?.capturesByRequest === true)
      must(payments.capture !== undefined, 'capture, because money comes by it alone', 'none', 'payments');
    if (payments?.traits?.refundsAtTerminal !== true && payments?.refund === undefined)
      must(false, 'refund, or the trait refundsAtTerminal', 'neither', 'payments');
  }),
];

function chargeOf(world: World, { mandate, customer }: { readonly mandate: string; readonly customer?: string }): ChargeMandate {
  const { reference, amount, description, returnUrl, webhookUrl } = world.order();
  return { reference, mandate, amount, description, returnUrl, webhookUrl, ...(customer === undefined ? {} : { customer }) };
}

function doCharge(world: World, charge: ChargeMandate): Promise<Outcome<CreatedPayment>> {
  return world.call('payments.charge', { key: `${charge.reference}:charge:1` }, (context) =>
    world.plugin.payments?.charge?.(context, charge),
  );
}

/** Why a charge came to nothing, at once or at the next look; `undefined` when it may yet bring money. */
async function reasonOf(world: World, outcome: Outcome<CreatedPayment>): Promise<string | undefined> {
  if (outcome.kind === 'declined') return outcome.code;
  if (outcome.kind === 'failed') return outcome.reason;
  if (outcome.kind !== 'ok') return undefined;
  const facts = await world.facts(outcome.value.providerId);
  return facts.ended === 'failed' ? (facts.failure?.reason ?? 'other') : undefined;
}

/** Every text in a request's body: of JSON, or of a form. */
function textsIn({ body }: Sent): readonly string[] {
  if (!/^\s*[{[]/.test(body)) return [...new URLSearchParams(body).values()];
  try {
    return textsBelow(JSON.parse(body));
  } catch {
    return [];
  }
}

function textsBelow(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsBelow) : [];
}

/** The same page by host and path, whatever became of the rest. */
function looksLike(text: string, url: string): boolean {
  const [given, known] = [URL.parse(text), URL.parse(url)];
  return given !== null && known !== null && given.host === known.host && given.pathname === known.pathname;
}
