/** Finds texts that look like credentials, anywhere in the file. The value itself is never repeated in a message. */
import type { Diagnostics } from '../diagnostic.ts';

// prettier-ignore
const SECRETS = [
  /\b[sr]k_(?:live|test)_[A-Za-z0-9_]{6,}/g,          // secret and restricted keys
  /\bwhsec_[A-Za-z0-9+/=]{8,}/g,                       // webhook secrets
  /\b(?:live|test)_[A-Za-z0-9]{28,}/g,
  /\bkf_(?:live|test)_[a-z0-9]{10,}_[A-Za-z0-9]{10,}/g, // our own keys
  /\bAKIA[0-9A-Z]{16}\b/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/g,
  /\bBearer [A-Za-z0-9._-]{20,}/g,
  /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/g, // tokens in three parts
  /\bgh[pousr]_[A-Za-z0-9]{30,}/g,
  /\bxox[abprs]-[A-Za-z0-9-]{10,}/g,
  /\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}/g,
  /\b(?:SK|AC)[0-9a-f]{32}\b/g,
  /\bAIza[A-Za-z0-9_-]{35}/g,
  /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]+:[^\s/@{}]+@/g,    // a password in an address
  // A key that says what it holds, and a value that is neither a formula nor a text with {{ }}.
  /\b(?:password|passwd|client-?secret|api-?key|access-?token|private-?key)["']?: *["']?((?![="'\s{[|>#])[^\s"',}]{6,})/gi,
] as const;

export function checkSecrets(source: string, diagnostics: Diagnostics): void {
  for (const pattern of SECRETS) {
    for (const match of source.matchAll(pattern)) {
      const end = match.index + match[0].length;
      diagnostics.report('flow.secret', [end - (match[1] ?? match[0]).length, end]);
    }
  }
}
