/** A 5xx is taken for temporary and sent again at once, under a key of its own. */
import { coinPlugin, send } from '../coin-plugin.ts';

export default coinPlugin({
  async send<T>(...[context, method, path, body]: Parameters<typeof send>) {
    const first = await send<T>(context, method, path, body);
    const again = first.kind === 'unknown' && first.message.startsWith('Coin answered 5');
    return again ? send<T>(context, method, path, body, `${context.idempotencyKey}:again`) : first;
  },
});
