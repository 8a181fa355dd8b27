/** Keeps secrets out of logs, messages and stored results. */

const MASK = '[secret]';
const SECRET_NAME = /authorization|cookie|secret|token|password|passphrase|api-?_?key|subscription-key/i;
/** Shapes that no log line needs: bearer tokens, and keys as the large providers write them. */
const SECRET_SHAPE = /\b(?:Bearer|Basic)\s+[\w+/=.~-]{8,}|\b[a-z]{2,8}_(?:live|test)_[A-Za-z0-9]{8,}/g;
/** A shorter value would mask ordinary words. */
const SHORTEST_SECRET = 6;

/** `text` without any of `secrets` and without what looks like a credential. */
export function redactText(text: string, secrets: readonly string[] = []): string {
  let clean = text;
  for (const secret of secrets) if (secret.length >= SHORTEST_SECRET) clean = clean.replaceAll(secret, MASK);
  return clean.replace(SECRET_SHAPE, MASK);
}

/** A copy of `facts` for a log line: fields named like secrets are masked, texts cleaned, depth and length bounded. */
export function redactSecrets(facts: Readonly<Record<string, unknown>>, secrets: readonly string[] = []): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(facts)
      .slice(0, 50)
      .map(([name, value]) => [name, SECRET_NAME.test(name) ? MASK : redactValue(value, secrets, 0)]),
  );
}

/** Every text inside the values of secret settings: what must not show up anywhere. */
export function secretTexts(secrets: Readonly<Record<string, unknown>>): string[] {
  return Object.values(secrets).flatMap((value) =>
    typeof value === 'string' ? [value] : Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [],
  );
}

function redactValue(value: unknown, secrets: readonly string[], depth: number): unknown {
  if (typeof value === 'string') return redactText(value.slice(0, 4_000), secrets);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > 4) return '[…]';
  if (Array.isArray(value)) return value.slice(0, 50).map((one) => redactValue(one, secrets, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, 50)
      .map(([name, one]) => [name, SECRET_NAME.test(name) ? MASK : redactValue(one, secrets, depth + 1)]),
  );
}
