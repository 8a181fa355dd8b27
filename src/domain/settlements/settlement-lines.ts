/**
 * Lines as the provider tells them, and which of them we have: by natural key, because reports overlap, come again and change.
 *
 * A line is known by the provider's id, its kind and its payout. One that was told without a payout gets one later, and stays the same
 * line; one that is told in two payouts is two (a chargeback and its reversal have one id at some providers). Told again with other
 * content, it is corrected, and the books follow by the difference.
 */
import type { SettlementLine } from '@kassaflow/plugin-sdk';
import { readFine, type Fine } from '../../kernel/fine-money.ts';
import { paymentIdIn } from '../payments/index.ts';

/** What a line says. */
export interface LineContent {
  readonly providerId: string;
  readonly kind: SettlementLine['kind'];
  readonly providerType: string;
  /** Empty when it is in none. */
  readonly payout: string;
  readonly paymentProviderId: string | null;
  readonly referenceId: string | null;
  readonly refundProviderId: string | null;
  readonly currency: string;
  readonly gross: Fine;
  readonly fee: Fine;
  readonly feeVat: Fine;
  readonly net: Fine;
  /** `gross` in the currency that was paid in; null where that is the line's, or is not told. */
  readonly exchangedGross: Fine | null;
  readonly exchangedCurrency: string | null;
  readonly bookedAt: Date;
  /** As `2026-11-30`. */
  readonly ledgerDate: string;
}

export interface KnownLine extends LineContent {
  readonly id: string;
}

/** A line to write: new, or over the known one with this id. */
export interface LineChange {
  readonly content: LineContent;
  readonly known?: string;
}

export function readLine(line: SettlementLine): LineContent {
  const bookedAt = new Date(line.bookedAt);
  return {
    providerId: line.providerId,
    kind: line.kind,
    providerType: line.providerType ?? '',
    payout: line.payout ?? '',
    paymentProviderId: line.payment ?? null,
    referenceId: (line.reference === undefined ? undefined : paymentIdIn(line.reference)) ?? null,
    refundProviderId: line.refund ?? null,
    currency: line.currency,
    gross: readFine(line.gross),
    fee: readFine(line.fee),
    feeVat: readFine(line.feeVat ?? '0'),
    net: readFine(line.net),
    ...exchangedOf(line),
    bookedAt,
    ledgerDate: isDay(line.bookedOn) ? line.bookedOn : bookedAt.toISOString().slice(0, 10),
  };
}

/** What has another sign than the line is not the same money, and zero says nothing. */
function exchangedOf({ currency, gross, exchanged }: SettlementLine): Pick<LineContent, 'exchangedGross' | 'exchangedCurrency'> {
  const [here, there] = [readFine(gross), readFine(exchanged?.gross ?? '0')];
  const isTold = exchanged && exchanged.currency !== currency && here !== 0n && there !== 0n && here < 0n === there < 0n;
  return isTold ? { exchangedGross: there, exchangedCurrency: exchanged.currency } : { exchangedGross: null, exchangedCurrency: null };
}

/** What is new or other among `told`. @param known the lines with the same provider ids */
export function changesOf(known: readonly KnownLine[], told: readonly LineContent[]): readonly LineChange[] {
  const byId = Map.groupBy(known, keyOf);
  const changes = new Map<string, LineChange>();
  for (const line of told) {
    const same = byId.get(keyOf(line)) ?? [];
    const match =
      same.find(({ payout }) => payout === line.payout) ?? same.find(({ payout }) => line.payout === '' || payout === '') ?? undefined;
    const content = match && line.payout === '' ? { ...line, payout: match.payout } : line;
    if (match && isSame(match, content)) continue;
    changes.set(match?.id ?? `${keyOf(content)} ${content.payout}`, { content, ...(match && { known: match.id }) });
  }
  return [...changes.values()];
}

/**
 * The settlement in which a line is. A payout without a name of its own is one by itself; what is in no payout belongs to its day, and so
 * does money that came back from the bank.
 */
export function placeOf(line: LineContent): { readonly kind: 'payout' | 'day'; readonly providerId: string; readonly itemized: boolean } {
  if (line.payout !== '') return { kind: 'payout', providerId: line.payout, itemized: true };
  if (line.kind === 'payout' && line.net < 0n) return { kind: 'payout', providerId: line.providerId, itemized: false };
  return { kind: 'day', providerId: line.ledgerDate, itemized: false };
}

/** A day that exists, as `2026-11-30`. */
export function isDay(text: string | undefined): text is string {
  if (text === undefined || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().slice(0, 10) === text;
}

function keyOf({ providerId, kind }: LineContent): string {
  return `${kind} ${providerId}`;
}

function isSame(a: LineContent, b: LineContent): boolean {
  return (
    a.providerType === b.providerType &&
    a.payout === b.payout &&
    a.paymentProviderId === b.paymentProviderId &&
    a.referenceId === b.referenceId &&
    a.refundProviderId === b.refundProviderId &&
    a.currency === b.currency &&
    a.gross === b.gross &&
    a.fee === b.fee &&
    a.feeVat === b.feeVat &&
    a.net === b.net &&
    a.exchangedGross === b.exchangedGross &&
    a.exchangedCurrency === b.exchangedCurrency &&
    a.bookedAt.getTime() === b.bookedAt.getTime() &&
    a.ledgerDate === b.ledgerDate
  );
}
