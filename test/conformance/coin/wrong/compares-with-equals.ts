/** The comparison ends at the first byte that differs, and so tells how many were right. */
import { coinPlugin } from '../coin-plugin.ts';

export default coinPlugin({ sameSignature: (expectedSignature, given) => expectedSignature === given });
