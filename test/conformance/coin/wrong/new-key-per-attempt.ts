/** Every attempt has a key of its own, so the provider takes a repeat for something new. */
import { coinPlugin } from '../coin-plugin.ts';

export default coinPlugin({ keyOf: ({ idempotencyKey, attempt }) => `${idempotencyKey}:${attempt}` });
