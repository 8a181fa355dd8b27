/** The measure: the small plugin as it should be. */
import { coinPlugin } from './coin-plugin.ts';

export default coinPlugin();
