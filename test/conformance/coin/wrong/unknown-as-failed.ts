/** A doubtful answer is taken for “it did not happen”. */
import { failed } from '@kassaflow/plugin-sdk';
import { coinPlugin, send } from '../coin-plugin.ts';

export default coinPlugin({
  async send<T>(...exchange: Parameters<typeof send>) {
    const outcome = await send<T>(...exchange);
    return outcome.kind === 'unknown' ? failed('temporary', outcome.message) : outcome;
  },
});
