/** A broken line is thrown, so that the host has to guess what came of the call. */
import { coinPlugin, send } from '../coin-plugin.ts';

export default coinPlugin({
  async send<T>(...exchange: Parameters<typeof send>) {
    const outcome = await send<T>(...exchange);
    if ('message' in outcome && outcome.message.startsWith('The line')) throw new Error(outcome.message);
    return outcome;
  },
});
