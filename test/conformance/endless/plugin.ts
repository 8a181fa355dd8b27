/** Never gives its process back: nothing inside of that process can stop it. */
import { coinPlugin } from '../coin/coin-plugin.ts';

export default coinPlugin({
  send() {
    for (;;) Math.sqrt(2);
  },
});
