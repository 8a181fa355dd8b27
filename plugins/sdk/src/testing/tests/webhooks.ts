import { type ConformanceTest, NEEDS, testsIn } from '../conformance-test.ts';
import { LeftOut, lever, must } from '../finding.ts';
import { sourcesOf, type PluginFile } from '../plugin-files.ts';
import type { RawWebhook, Verdict } from '../../webhook.ts';
import type { World } from '../world.ts';

const VERIFY = 'webhook.verify';
const TRANSLATE = 'webhook.translate';
/** Beyond the window, and beyond every rounding. */
const BEYOND_MS = 60_000;

const test = testsIn('webhooks', { needs: NEEDS.webhook });

export const webhookTests: readonly ConformanceTest[] = [
  test('W1', 'takes a delivery with a right signature', async (world) => {
    const { secrets, settings } = world.webhooks;
    const verdict = await world.verify(delivery(world), settings([secrets[0]]));
    must(verdict.ok, 'ok', verdict, VERIFY);
    must(verdict.eventId !== '', 'the provider’s id of the event', verdict, VERIFY);
    for (const vector of world.webhooks.vectors ?? []) {
      const known = await world.verify(vector.delivery, vector.settings, `${VERIFY}: the vector “${vector.name}”`);
      must(known.ok === vector.right, vector.right ? 'ok' : 'a refusal', known, `${VERIFY}: the vector “${vector.name}”`);
    }
    if ((world.webhooks.vectors ?? []).length === 0)
      world.warn('no vectors of the provider are given: only signatures that the same head made are tried');
  }),

  test('W2', 'refuses a body that was changed by one byte', async (world) => {
    const right = delivery(world);
    for (const at of [0, Math.floor(right.body.length / 2), right.body.length - 1]) {
      const body = Uint8Array.from(right.body, (byte, index) => (index === at ? byte ^ 1 : byte));
      await mustRefuse(world, { ...right, body }, `byte ${at} changed`);
    }
    await mustRefuse(world, { ...right, body: Buffer.concat([right.body, Buffer.from('\n')]) }, 'a byte added');
    await mustRefuse(world, { ...right, body: new Uint8Array() }, 'no body at all');
  }),

  test('W3', 'refuses what another secret signed', async (world) => {
    const { secrets, settings } = world.webhooks;
    const foreign = delivery(world, { secrets: [secrets[1]] });
    await mustRefuse(world, foreign, 'the secret of another endpoint');
    await mustRefuse(world, delivery(world), 'no secret set up yet', settings([]));
  }),

  test('W4', 'refuses a delivery without a signature, and one with rubbish in its place', async (world) => {
    const right = delivery(world);
    const { header } = world.webhooks;
    const { [header]: signature, ...others } = right.headers;
    must(signature !== undefined, `a delivery with the header ${header}`, right.headers, 'the lever webhooks.sign');
    await mustRefuse(world, { ...right, headers: others }, 'no signature');
    for (const rubbish of ['', ' ', 'x', '=', ',', 't=,v1=', 'sha256=', 'ÿ'.repeat(40), '0'.repeat(100_000)])
      await mustRefuse(world, { ...right, headers: { ...others, [header]: rubbish } }, `the signature “${rubbish.slice(0, 20)}”`);
    await mustRefuse(world, { ...right, headers: { ...others, [header]: ['x', 'y'] } }, 'the header sent twice');
  }),

  test('W5', 'refuses a replay: a right signature from before its window, or from after it', async (world) => {
    const { windowMs } = world.webhooks;
    if (windowMs === undefined) throw new LeftOut('what the provider signs carries no time: a replay is told by its event id alone');
    const now = world.now();
    const signed = delivery(world, { at: now });
    await mustRefuse(
      world,
      { ...signed, receivedAt: now + windowMs + BEYOND_MS },
      'a timestamp that is too old',
      undefined,
      'timestamp-old',
    );
    await mustRefuse(
      world,
      { ...signed, receivedAt: now - windowMs - BEYOND_MS },
      'a timestamp that is to come',
      undefined,
      'timestamp-future',
    );
  }),

  test('W6', 'takes both secrets while one is changed for the other', async (world) => {
    const { secrets, settings, rotation = 'both' } = world.webhooks;
    if (rotation === 'none') throw new LeftOut('the provider’s scheme has no secret that is changed');
    const both = settings(secrets);
    for (const secret of secrets) {
      const verdict = await world.verify(delivery(world, { secrets: [secret] }), both);
      must(verdict.ok, 'ok with either of two secrets', verdict, VERIFY);
    }
    if (rotation === 'either') return;
    const twice = await world.verify(delivery(world, { secrets: [...secrets].reverse() }), settings([secrets[0]]));
    must(twice.ok, 'ok for a delivery that both secrets signed', twice, VERIFY);
  }),

  test('W7', 'compares signatures in constant time', async ({ subject }) => {
    const files = sourcesOf(subject);
    for (const file of files) {
      const leak = leakyComparison(file);
      must(leak === undefined, 'no signature compared with ===, includes or indexOf', leak, file.path);
    }
    const safe = files.some(({ text }) =>
      /timingSafeEqual|createVerify|subtle\.verify|[vV]erifyHeader|constructEvent|validateRequest|\bverify\(\s*['"]/.test(text),
    );
    must(safe, 'timingSafeEqual, an asymmetric check, or the provider library’s own', 'none of them', 'the plugin’s sources');
  }),

  test('W8', 'checks the raw bytes before it reads them', async (world) => {
    const { secrets, settings, sign } = world.webhooks;
    const known = settings([secrets[0]]);
    const text = world.webhooks.body();
    for (const [what, body] of [
      ['pretty-printed', isJson(text) ? JSON.stringify(JSON.parse(text), null, 7) : `${text}&x=1`],
      ['with bytes beyond ASCII', isJson(text) ? text.replace(/\}\s*$/, ',"note":"Ünïcödé 🎟️"}') : `${text}&note=%C3%9C`],
    ] as const) {
      const verdict = await world.verify(sign(Buffer.from(body), { secrets: [secrets[0]], at: world.now() }), known);
      must(verdict.ok, `ok for a body that is signed ${what}`, verdict, VERIFY);
    }
    const right = delivery(world);
    if (isJson(text)) {
      const reordered = JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text) as object).toReversed()));
      for (const [what, body] of [
        ['re-serialised', JSON.stringify(JSON.parse(text), null, 3)],
        ['reordered', reordered],
      ] as const)
        await mustRefuse(world, { ...right, body: Buffer.from(body) }, `a body that was ${what} on the way`);
    }
    const forged = { ...right, body: Buffer.from('{"never": "parsed"') };
    const parsed = await textsParsed(() => mustRefuse(world, forged, 'a forged body that is not even JSON'));
    must(
      !parsed.some((one) => one.includes('never')),
      'a forged body refused before anything parses it',
      'JSON.parse was called with it',
      VERIFY,
    );
  }),

  test('W9', 'gives the same event the same id, and another another', async (world) => {
    const { secrets, settings } = world.webhooks;
    const known = settings([secrets[0]]);
    const body = Buffer.from(world.webhooks.body());
    const ids = new Set<string>();
    for (const at of [world.now(), world.now() + 2_000])
      ids.add(idOf(await world.verify(world.webhooks.sign(body, { secrets: [secrets[0]], at }), known)));
    must(ids.size === 1, 'one id for an event that is sent twice', [...ids], VERIFY);
    ids.add(idOf(await world.verify(delivery(world), known)));
    must(new Set(ids).size === 2, 'another id for another event', [...ids], VERIFY);
  }),

  test('W10', 'comes to the same end whatever the order of deliveries', async (world) => {
    const sent = lever(world.webhooks.sent, 'webhooks.sent');
    const { providerId } = await world.paid();
    await world.payments.refundAtDesk?.(providerId, 100);
    const { fetchStartedAt: _before, ...expected } = await world.facts(providerId);
    const deliveries = await sent();
    must(deliveries.length > 0, 'a delivery for a payment that was made and paid', 'none', 'the lever webhooks.sent');
    for (const one of [...deliveries.toReversed(), ...deliveries]) {
      const verdict = await world.verify(one, world.provider.settings);
      must(verdict.ok, 'ok for what the provider sent', verdict, VERIFY);
      await world.translate(one);
    }
    const { fetchStartedAt: _after, ...came } = await world.facts(providerId);
    must(JSON.stringify(came) === JSON.stringify(expected), `the facts as before: ${JSON.stringify(expected)}`, came, 'payments.fetch');
  }),

  test('W11', 'believes the provider’s answer and not the body of a delivery', async (world) => {
    const lie = lever(world.webhooks.lie, 'webhooks.lie');
    const { providerId } = await world.created();
    const told = lie(providerId);
    const verdict = await world.verify(told, world.provider.settings);
    if (verdict.ok) await world.translate(told);
    const facts = await world.facts(providerId);
    must(facts.captured === 0 && facts.authorized === 0, 'no money: the provider has none of it in its books', facts, 'payments.fetch');
  }),

  test('W12', 'makes nothing of an event whose type it does not know, and of what cannot be read', async (world) => {
    const { secrets, settings, sign } = world.webhooks;
    const known = settings([secrets[0]]);
    for (const [what, body] of [
      ['an unknown type', world.webhooks.unknownBody()],
      ['not JSON', 'hello'],
      ['an empty object', '{}'],
      ['null', 'null'],
      ['a list', '[1,2]'],
      ['wrong types inside', '{"id":7,"type":{"a":[]},"data":"x","created":"never"}'],
    ] as const) {
      const signed = sign(Buffer.from(body), { secrets: [secrets[0]], at: world.now() });
      const verdict = await world.verify(signed, known, `${VERIFY}: ${what}`);
      if (!verdict.ok) continue;
      const signals = await world.translate(signed, known);
      must(signals.length === 0, `no signal for ${what}`, signals, TRANSLATE);
    }
  }),
];

function delivery(
  world: World,
  { secrets = [world.webhooks.secrets[0]], at = world.now() }: { secrets?: readonly string[]; at?: number } = {},
): RawWebhook {
  return world.webhooks.sign(Buffer.from(world.webhooks.body()), { secrets, at });
}

async function mustRefuse(
  world: World,
  forged: RawWebhook,
  what: string,
  settings = world.webhooks.settings([world.webhooks.secrets[0]]),
  reason?: string,
): Promise<void> {
  const verdict = await world.verify(forged, settings, `${VERIFY}: ${what}`);
  must(!verdict.ok, `a refusal of ${what}`, verdict, VERIFY);
  if (reason !== undefined) must(verdict.reason === reason, `the reason ${reason} for ${what}`, verdict, VERIFY);
}

function idOf(verdict: Verdict): string {
  must(verdict.ok, 'ok', verdict, VERIFY);
  return verdict.eventId;
}

/** What `JSON.parse` is called with while `work` runs. Tests run one after the other, so nobody else parses meanwhile. */
async function textsParsed(work: () => Promise<void>): Promise<readonly string[]> {
  const texts: string[] = [];
  const parse = JSON.parse.bind(JSON);
  JSON.parse = (text: string, reviver) => {
    texts.push(String(text));
    return parse(text, reviver) as unknown;
  };
  try {
    await work();
  } finally {
    JSON.parse = parse;
  }
  return texts;
}

function isJson(text: string): boolean {
  return /^\s*\{/.test(text);
}

const SIGNED_NAME = String.raw`\b\w*(?:[sS]ignature|hmac|Hmac|digest|Digest|expectedMac|[eE]xpected)\w*`;
/** A name that means a signature, or a digest just made, compared with something that is neither a literal nor absent. */
const LEAKS: readonly RegExp[] = [
  new RegExp(String.raw`${SIGNED_NAME}(?:\([^)]*\))?\s*[!=]==?\s*(?!undefined|null|true|false|typeof|['"\`\d-])[\w.]+(?!\w*\.length)`),
  new RegExp(String.raw`(?<![\w'"\`.])(?!typeof)[\w.]+\s*[!=]==?\s*${SIGNED_NAME}(?!\w*[\w.]*\.length)\b(?!\.length)`),
  new RegExp(String.raw`\.(?:includes|indexOf|startsWith)\(\s*${SIGNED_NAME}`),
];

function leakyComparison({ text }: PluginFile): string | undefined {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .split('\n')
    .map((line) => line.replace(/\/\/.*$/, ''))
    .find((line) => !/\.length\s*[!=]==?|[!=]==?\s*[\w.]+\.length\b|['"`\d]\s*[!=]==?/.test(line) && LEAKS.some((leak) => leak.test(line)))
    ?.trim();
}
