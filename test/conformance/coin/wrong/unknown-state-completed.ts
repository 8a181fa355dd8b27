/** A state that is not known is taken for paid. */
import { coinPlugin, factsOf } from '../coin-plugin.ts';

const KNOWN = ['open', 'authorized', 'failed', 'cancelled', 'expired'];

export default coinPlugin({
  factsOf(context, coin, at) {
    const facts = factsOf(context, coin, at);
    return KNOWN.includes(coin.state) || coin.captured > 0 ? facts : { ...facts, started: true, captured: coin.amount };
  },
});
