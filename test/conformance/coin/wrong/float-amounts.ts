/** Amounts go through a float: 4.35 becomes 434.99999999999994. */
import { coinPlugin } from '../coin-plugin.ts';

export default coinPlugin({ minor: ({ amount }) => Number(amount) * 10 ** (amount.split('.')[1]?.length ?? 0) });
