/** A plugin that opens its own sockets: its process is started with the network, or only to say that it needs it. */
import { action, definePlugin, ok } from '@kassaflow/plugin-sdk';

export default definePlugin({
  id: 'direct',
  title: 'Direct',
  about: 'Speaks something else than HTTP',
  version: '1.0.0',
  api: 1,
  hosts: [],
  network: 'direct',
  connection: { settings: { type: 'object', properties: {} }, check: async () => ({ ok: true, account: 'direct', mode: 'test' }) },
  actions: [
    action()({
      name: 'direct.say',
      title: 'Say',
      about: 'Says that it is there',
      effect: 'once',
      input: { type: 'object', properties: {} },
      output: { type: 'object', required: ['said'], properties: { said: { type: 'string' } } },
      sample: { said: 'here' },
    }).does({ run: async () => ok({ said: 'here' }) }),
  ],
});
