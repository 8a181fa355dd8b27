/** An API key as a caller holds it: `kf_test_…`, see `secret-text.ts`. */
import type { Mode } from './caller.ts';
import { newSecretText, readSecretText, type ReadSecret } from './secret-text.ts';

export type ApiKeyText = ReadSecret<'key'>;

const API_KEY = { start: 'kf', prefix: 'key' } as const;

/** Makes the key of the row with the `uuid` `id`; its text exists only here and in what the caller is told once. */
export function newApiKeyText(mode: Mode, id: string): { text: string; hash: Buffer } {
  return newSecretText(API_KEY, mode, id);
}

/** Reads a key, or gives `undefined` for anything that cannot be one. */
export function readApiKeyText(text: string): ApiKeyText | undefined {
  return readSecretText(API_KEY, text);
}
