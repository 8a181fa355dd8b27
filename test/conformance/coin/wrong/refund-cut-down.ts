/** More than was paid is asked back, and what is left is refunded without a word. */
import { ok } from '@kassaflow/plugin-sdk';
import { coinPlugin, send, type Coin } from '../coin-plugin.ts';

export default coinPlugin({
  async refundable(context, providerId, minor) {
    const coin = await send<Coin>(context, 'GET', `/v1/payments/${providerId}`);
    return coin.kind === 'ok' ? ok(Math.min(minor, coin.value.captured - coin.value.refunded)) : coin;
  },
});
