/** What is left is looked up before each attempt: a refund whose answer was lost is then refused because of itself. */
import { failed, ok } from '@kassaflow/plugin-sdk';
import { coinPlugin, send, type Coin } from '../coin-plugin.ts';

export default coinPlugin({
  async refundable(context, providerId, minor) {
    const coin = await send<Coin>(context, 'GET', `/v1/payments/${providerId}`);
    if (coin.kind !== 'ok') return coin;
    const isTooMuch = minor > coin.value.captured - coin.value.refunded;
    return isTooMuch ? failed('input', 'There is less left than that.', { field: 'amount' }) : ok(minor);
  },
});
