/** A call that was given up waits for a better time instead of ending. */
import { setTimeout } from 'node:timers/promises';
import { coinPlugin, send } from '../coin-plugin.ts';

export default coinPlugin({
  async send<T>(...exchange: Parameters<typeof send>) {
    const outcome = await send<T>(...exchange);
    if (exchange[0].signal.aborted) await setTimeout(30_000, undefined, { ref: false });
    return outcome;
  },
});
