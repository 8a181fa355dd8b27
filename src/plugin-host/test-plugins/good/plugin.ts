/** A plugin that behaves: the measure for the others. Its provider is `api.good.test`. */
import { action, definePlugin, failed, ok, unknown, type Context, type Outcome } from '@kassaflow/plugin-sdk';

interface Settings {
  readonly apiKey: string;
}

const HOST = 'https://api.good.test';

export default definePlugin({
  id: 'good',
  title: 'Good',
  about: 'Echoes',
  version: '1.0.0',
  api: 1,
  hosts: ['api.good.test'],
  connection: {
    settings: {
      type: 'object',
      required: ['apiKey'],
      properties: {
        apiKey: { type: 'string', 'x-secret': true },
        region: { type: 'string', default: 'eu' },
        webhookSecrets: { type: 'array', items: { type: 'string' }, 'x-secret': true },
      },
    },
    check: async ({ settings }) =>
      settings.apiKey === 'wrong'
        ? { ok: false, message: `the key ${settings.apiKey} is refused`, field: 'apiKey' }
        : { ok: true, account: 'acct', mode: 'test' },
  },
  payments: {
    keyTtlMs: 3_600_000,
    create: async () => failed('permanent', 'closed'),
    fetch: async () => failed('permanent', 'closed'),
  },
  webhook: {
    verify: async (context, delivery) => {
      if (delivery.headers['x-call-out']) await context.fetch(`${HOST}/verify`);
      return delivery.headers['x-signature'] === 'right'
        ? { ok: true, eventId: new TextDecoder().decode(delivery.body) }
        : { ok: false, reason: 'signature-mismatch' };
    },
    translate: async (context, delivery) => {
      if (delivery.headers['x-call-out']) {
        const { status } = await context.fetch(`${HOST}/look-up`);
        if (status !== 200) throw new Error(`looked up with ${context.settings.apiKey}: ${status}`);
      }
      return [{ kind: 'payment', type: 'paid', providerId: 'p1' }];
    },
  },
  actions: [
    action<Settings>()({
      name: 'good.send',
      title: 'Send',
      about: 'Posts the text to the provider',
      effect: 'lookup',
      input: {
        type: 'object',
        required: ['text'],
        properties: { text: { type: 'string', minLength: 1, maxLength: 100 }, how: { type: 'string' } },
      },
      output: { type: 'object', required: ['echo'], properties: { echo: { type: 'string' } } },
      sample: { echo: 'hello' },
    }).does({ run: send, lookup: async () => ok(undefined) }),
  ],
});

async function send(context: Context<Settings>, input: { text: string; how?: string }): Promise<Outcome<{ echo: string }>> {
  const { text, how = 'fetch' } = input;
  if (how === 'slow') await new Promise((resolve) => setTimeout(resolve, 60_000));
  if (how === 'auth') return failed('auth', `the key ${context.settings.apiKey} is refused`);
  if (how === 'limited') return failed('rate-limited', 'wait', { retryAfterMs: 60_000 });
  if (how === 'unknown') return unknown('nobody knows');
  if (how === 'quiet') return ok({ echo: text });
  if (how === 'agent') return ok({ echo: await throughAgent(context, text) });
  try {
    const response = await context.fetch(how.startsWith('https:') || how.startsWith('http:') ? how : `${HOST}/echo?how=${how}`, {
      method: 'POST',
      body: text,
      headers: { authorization: `Bearer ${context.settings.apiKey}`, 'idempotency-key': context.idempotencyKey },
    });
    return ok({ echo: `${response.status} ${await response.text()}` });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EGRESS_REFUSED') return ok({ echo: error.message });
    throw error;
  }
}

async function throughAgent(context: Context<Settings>, text: string): Promise<string> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const sent = request({ agent: context.agent, host: 'api.good.test', path: '/echo', method: 'POST' }, (response) => {
      response.setEncoding('utf8');
      let body = '';
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
    });
    sent.on('error', reject);
    sent.end(text);
  });
}
