/** What a delivery says is believed, where only the provider's answer may be. */
import { coinPlugin, eventOf, factsOf } from '../coin-plugin.ts';

const paid = new Set<string>();

export default coinPlugin({
  onSignal(delivery) {
    const event = eventOf(delivery);
    if (event?.state === 'paid') paid.add(event.payment);
  },
  factsOf(context, coin, at) {
    const facts = factsOf(context, coin, at);
    return paid.has(coin.id) && coin.captured === 0 ? { ...facts, started: true, captured: coin.amount } : facts;
  },
});
