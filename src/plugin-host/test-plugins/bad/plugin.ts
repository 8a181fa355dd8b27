/** A plugin that misbehaves as `input.how` says, before or after a request has left. */
import { action, definePlugin, ok, type Context, type Outcome } from '@kassaflow/plugin-sdk';

const output = { type: 'object', required: ['echo'], properties: { echo: { type: 'string' } } } as const;

export default definePlugin({
  id: 'bad',
  title: 'Bad',
  about: 'Misbehaves',
  version: '1.0.0',
  api: 1,
  hosts: ['api.bad.test'],
  connection: {
    settings: { type: 'object', properties: { apiKey: { type: 'string', 'x-secret': true } } },
    check: async () => ({ ok: true, account: 'acct', mode: 'test' }),
  },
  actions: [
    action<{ apiKey?: string }>()({
      name: 'bad.do',
      title: 'Do',
      about: 'Misbehaves',
      effect: 'once',
      input: { type: 'object', required: ['how'], properties: { how: { type: 'string' }, after: { type: 'boolean' } } },
      output,
      sample: { echo: '' },
    }).does({
      run: async (context, { how, after }) => {
        if (after) await context.fetch('https://api.bad.test/left', { method: 'POST', body: '{}' });
        return (await misbehave(how, context)) as Outcome<{ echo: string }>;
      },
    }),
  ],
});

async function misbehave(how: string, context: Context<{ apiKey?: string }>): Promise<unknown> {
  switch (how) {
    case 'throw':
      throw new Error(`no luck with ${context.settings.apiKey ?? ''}`);
    case 'exit':
      return process.exit(3);
    case 'abort':
      return process.abort();
    case 'hang':
      for (;;);
    case 'never':
      return new Promise(() => undefined);
    case 'reject in a timer':
      setTimeout(() => void Promise.reject(new Error('later')), 1);
      return new Promise(() => undefined);
    case 'heap': {
      const kept: unknown[] = [];
      for (;;) kept.push(Array.from({ length: 1_000_000 }, () => kept.length));
    }
    case 'buffers': {
      const kept: Buffer[] = [];
      for (let index = 0; index < 24; index += 1) kept.push(Buffer.alloc(64 * 1024 * 1024, 1));
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      return kept.length;
    }
    case 'shape':
      return ok({ echo: 42 });
    case 'undefined':
      return undefined;
    case 'function':
      return () => undefined;
    case 'cycle': {
      const circle: Record<string, unknown> = {};
      circle['self'] = circle;
      return circle;
    }
    case 'bigint':
      return ok({ echo: 10n });
    case 'huge':
      return ok({ echo: 'x'.repeat(1024 * 1024 + 1) });
    case 'print':
      for (let index = 0; index < 100; index += 1) console.log('x'.repeat(1024 * 1024));
      return ok({ echo: 'printed' });
    case 'leak':
      context.log.warn('the key is', { apiKey: context.settings.apiKey, note: `key ${context.settings.apiKey ?? ''}` });
      return ok({ echo: 'leaked' });
    case 'spawn': {
      const { execSync } = await import('node:child_process');
      return execSync('id');
    }
    case 'read': {
      const { readFileSync } = await import('node:fs');
      return readFileSync('/etc/passwd');
    }
    case 'write': {
      const { writeFileSync } = await import('node:fs');
      return writeFileSync('here.txt', 'x');
    }
    case 'environment':
      return ok({ echo: JSON.stringify(Reflect.get(process, 'env')) });
    case 'call out': {
      const { connect } = await import('node:net');
      return new Promise((resolve) =>
        connect(9, '127.0.0.1').on('error', (error) => resolve(ok({ echo: 'code' in error ? String(error.code) : error.message }))),
      );
    }
    default:
      return ok({ echo: how });
  }
}
