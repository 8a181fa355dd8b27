import { failed, ok, type PaymentProvider, type SettlementLine } from '@kassaflow/plugin-sdk';
import { read } from './client.ts';
import type { Settings } from './settings.ts';

interface SandboxLine {
  readonly id: string;
  readonly payout: string;
  readonly kind: SettlementLine['kind'];
  readonly payment: string | null;
  readonly reference: string | null;
  readonly refund: string | null;
  readonly currency: string;
  readonly gross: string;
  readonly fee: string;
  readonly net: string;
  readonly booked_at: string;
}

/** The movements of these days (UTC) and, last, what was paid out for each of them: the lines of one payout sum to zero. */
export const settlements: NonNullable<PaymentProvider<Settings>['settlements']> = async (context, { from, to, page }) => {
  const query = new URLSearchParams({ from, to, ...(page === undefined ? {} : { after: page }) });
  const report = await read<{ readonly data: readonly SandboxLine[]; readonly next?: number }>(
    context,
    `/v1/settlements?${query.toString()}`,
  );
  if (report.kind === 'failed' && report.code === 'not_ready') return failed('temporary', report.message, { code: 'not_ready' });
  if (report.kind !== 'ok') return report;
  const { data, next } = report.value;
  return ok({ lines: data.map(lineOf), ...(next === undefined ? {} : { next: String(next) }) });
};

function lineOf({ id, payment, reference, refund, booked_at: at, ...line }: SandboxLine): SettlementLine {
  return {
    ...line,
    providerId: id,
    ...(payment === null ? {} : { payment }),
    ...(reference === null ? {} : { reference }),
    ...(refund === null ? {} : { refund }),
    bookedAt: Date.parse(at),
  };
}
