/** The bank of the chaos campaign as a plugin: one keyed action, one that is looked up, and one that is only read. */
import { action, definePlugin, failed, ok, unknown, type Context, type Outcome } from '@kassaflow/plugin-sdk';

interface Settings {
  readonly baseUrl: string;
}

/** One call to the bank. */
interface Wish {
  readonly reference: string;
  readonly customer: string;
  readonly place: number;
  readonly cents: number;
}

/** As long as the bank remembers a key (campaign.ts). Short, so that a campaign sees keys run out. */
const KEY_TTL_MS = 20_000;
/** Less than a hanging bank takes; more than a machine that is busy with starting processes. */
const TIMEOUT_MS = 4_000;

const input = {
  type: 'object',
  required: ['reference', 'customer', 'place', 'cents'],
  properties: {
    reference: { type: 'string' },
    customer: { type: 'string' },
    place: { type: 'integer' },
    cents: { type: 'integer' },
  },
} as const;
const COMMON = {
  input,
  output: { type: 'object', required: ['reference'], properties: { reference: { type: 'string' } } },
  sample: { reference: 'p1' },
  timeoutMs: TIMEOUT_MS,
} as const;

export default definePlugin({
  id: 'bank',
  title: 'Bank',
  about: 'Takes the calls of the chaos campaign',
  version: '1.0.0',
  api: 1,
  hosts: ['bank.example.com'],
  connection: {
    settings: { type: 'object', required: ['baseUrl'], properties: { baseUrl: { type: 'string' } } },
    check: async () => ({ ok: true, account: 'chaos', mode: 'test' }),
  },
  actions: [
    action<Settings>()({
      ...COMMON,
      name: 'bank.receipt',
      title: 'Receipt',
      about: 'Makes a receipt',
      effect: 'keyed',
      keyTtlMs: KEY_TTL_MS,
    }).does({ run: (context, wish) => carryOut(context, 'receipt', wish, true) }),
    action<Settings>()({
      ...COMMON,
      name: 'bank.book',
      title: 'Book',
      about: 'Books an amount; honours no key, but can be asked',
      effect: 'lookup',
      undo: 'bank.unbook',
    }).does({
      run: (context, wish) => carryOut(context, 'booking', wish, false),
      lookup: (context, wish) => find(context, 'booking', wish),
    }),
    action<Settings>()({
      ...COMMON,
      name: 'bank.unbook',
      title: 'Take a booking back',
      about: 'Books the opposite',
      effect: 'keyed',
      keyTtlMs: KEY_TTL_MS,
    }).does({ run: (context, wish) => carryOut(context, 'unbooking', { ...wish, cents: -wish.cents }, true) }),
  ],
});

async function carryOut(context: Context<Settings>, kind: string, wish: Wish, keyed: boolean): Promise<Outcome<{ reference: string }>> {
  try {
    const answer = await context.fetch(`${context.settings.baseUrl}/effects`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': context.idempotencyKey },
      body: JSON.stringify({ ...wish, kind, keyed }),
      signal: context.signal,
    });
    if (answer.status === 429) return tooMany(answer);
    if (!answer.ok) return unknown(`The bank answered ${answer.status}`);
    const { reference } = (await answer.json()) as { reference?: unknown };
    return reference === wish.reference ? ok({ reference }, reference) : unknown('The bank answered something else');
  } catch (error) {
    return unknown(`The bank did not answer: ${String(error)}`);
  }
}

async function find(context: Context<Settings>, kind: string, { reference }: Wish): Promise<Outcome<{ reference: string } | undefined>> {
  try {
    const wanted = encodeURIComponent(`${kind} ${reference}`);
    const answer = await context.fetch(`${context.settings.baseUrl}/effects?reference=${wanted}`, { signal: context.signal });
    if (!answer.ok) return unknown(`The bank answered ${answer.status}`);
    const { found } = (await answer.json()) as { found?: unknown };
    if (typeof found !== 'boolean') return unknown('The bank answered something else');
    return ok(found ? { reference } : undefined, reference);
  } catch (error) {
    return unknown(`The bank did not answer: ${String(error)}`);
  }
}

function tooMany(answer: Response): Outcome<never> {
  return failed('rate-limited', 'The bank is busy', { retryAfterMs: Number(answer.headers.get('retry-after') ?? 1) * 1_000 });
}
