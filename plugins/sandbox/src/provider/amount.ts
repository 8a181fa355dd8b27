/** Money as the pretend provider keeps it: whole minor units and the number of decimals they were written with. */
export interface Amount {
  readonly minor: number;
  readonly digits: number;
  readonly currency: string;
}

/** `{"amount":"12.50","currency":"EUR"}` → 1250 minor units of 2 digits; `undefined` when it is not money above or at zero. */
export function readAmount(value: unknown): Amount | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { amount, currency } = value as Record<string, unknown>;
  if (typeof amount !== 'string' || typeof currency !== 'string' || !/^[A-Z]{3}$/.test(currency)) return undefined;
  const parts = /^(\d{1,12})(?:\.(\d{2,3}))?$/.exec(amount);
  if (!parts) return undefined;
  const decimals = parts[2] ?? '';
  return { minor: Number(`${parts[1] ?? ''}${decimals}`), digits: decimals.length, currency };
}

/** The inverse of {@link readAmount}. */
export function writeAmount({ minor, digits, currency }: Amount): { readonly amount: string; readonly currency: string } {
  return { amount: decimal(minor, digits), currency };
}

/** For people: `€ 12.50`, `¥500`. */
export function showAmount({ minor, digits, currency }: Amount): string {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits });
  // A string keeps every digit: Intl reads it as an exact decimal.
  return format.format(decimal(minor, digits) as `${number}`);
}

function decimal(minor: number, digits: number): string {
  if (digits === 0) return String(minor);
  const padded = String(minor).padStart(digits + 1, '0');
  return `${padded.slice(0, -digits)}.${padded.slice(-digits)}`;
}
