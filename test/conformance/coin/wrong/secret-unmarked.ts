/** The API key is not marked as a secret: it would be stored in clear and shown to everybody. */
import { coinPlugin } from '../coin-plugin.ts';

export default coinPlugin({
  settings: {
    type: 'object',
    required: ['apiKey'],
    properties: {
      apiKey: { type: 'string', title: 'API key' },
      webhookSecrets: { type: 'array', items: { type: 'string' }, 'x-secret': true },
    },
  },
});
