/** What is still open is not found, and “not found” is told as proof that it was never made. */
import { coinPlugin } from '../coin-plugin.ts';

export default coinPlugin({ findable: ({ state }) => state === 'paid' });
