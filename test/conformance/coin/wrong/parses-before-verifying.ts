/** Bytes that anybody may send reach the parser before their signature is looked at. */
import { coinPlugin, eventOf } from '../coin-plugin.ts';

export default coinPlugin({ beforeVerifying: (delivery) => void eventOf(delivery) });
