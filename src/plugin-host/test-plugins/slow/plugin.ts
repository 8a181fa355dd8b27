/** A plugin that takes two seconds to load and answers nobody meanwhile, as any does on a busy machine. */
import { action, definePlugin, ok } from '@kassaflow/plugin-sdk';

for (const since = performance.now(); performance.now() - since < 2_000;);

export default definePlugin({
  id: 'slow',
  title: 'Slow',
  about: 'Is slow to load',
  version: '1.0.0',
  api: 1,
  hosts: ['api.slow.test'],
  connection: { settings: { type: 'object', properties: {} }, check: async () => ({ ok: true, account: 'slow', mode: 'test' }) },
  actions: [
    action()({
      name: 'slow.say',
      title: 'Say',
      about: 'Says that it is there',
      effect: 'read',
      input: { type: 'object', properties: {} },
      output: { type: 'object', required: ['said'], properties: { said: { type: 'string' } } },
      sample: { said: 'here' },
    }).does({ run: async () => ok({ said: 'here' }) }),
  ],
});
