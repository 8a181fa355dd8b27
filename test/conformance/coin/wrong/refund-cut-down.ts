/** More than was paid is asked back, and what is left is refunded without a word. */
import { ok } from '@kassaflow/plugin-sdk';
import { coinPlugin } from '../coin-plugin.ts';

export default coinPlugin({ refundable: (_context, coin, minor) => ok(Math.min(minor, coin.captured - coin.refunded)) });
