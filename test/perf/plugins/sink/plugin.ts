/** The two calls of the benchmark as actions of a plugin: each goes to the plugin's process and through the egress gateway. */
import { action, definePlugin, failed, ok, unknown, type Context, type Outcome } from '@kassaflow/plugin-sdk';

interface Settings {
  readonly baseUrl: string;
}

const COMMON = {
  effect: 'keyed',
  keyTtlMs: 86_400_000,
  output: { type: 'object', properties: { ok: { type: 'boolean' } } },
  sample: { ok: true },
} as const;

export default definePlugin({
  id: 'sink',
  title: 'Sink',
  about: 'Takes the calls of the benchmark',
  version: '1.0.0',
  api: 1,
  hosts: ['sink.example.com'],
  connection: {
    settings: { type: 'object', required: ['baseUrl'], properties: { baseUrl: { type: 'string' } } },
    check: async () => ({ ok: true, account: 'bench', mode: 'test' }),
  },
  actions: [
    action<Settings>()({
      ...COMMON,
      name: 'sink.receipt',
      title: 'Receipt',
      about: 'Takes a receipt',
      input: { type: 'object', required: ['reference', 'text'], properties: { reference: { type: 'integer' }, text: { type: 'string' } } },
    }).does({ run: (context, input) => post(context, '/receipt', input) }),
    action<Settings>()({
      ...COMMON,
      name: 'sink.post',
      title: 'Post',
      about: 'Takes a posting',
      input: {
        type: 'object',
        required: ['reference', 'amount'],
        properties: { reference: { type: 'integer' }, amount: { type: 'string' } },
      },
    }).does({ run: (context, input) => post(context, '/ledger', input) }),
  ],
});

async function post(context: Context<Settings>, path: string, input: object): Promise<Outcome<{ ok?: boolean }>> {
  const answer = await context.fetch(`${context.settings.baseUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': context.idempotencyKey },
    body: JSON.stringify(input),
  });
  if (answer.status >= 500) return unknown(`The sink answered ${answer.status}`);
  return answer.ok ? ok((await answer.json()) as { ok?: boolean }, '') : failed('permanent', `The sink answered ${answer.status}`);
}
