/**
 * Until when reserved money can be taken, and when somebody should be told that the time runs out.
 *
 * A payment carries the provider's last moment for a capture and our next moment to look: first a notice before the end
 * (`payment.capture-due`), then the end itself (`payment.authorization-expired`), then none. Nothing reserved, nothing to look at.
 */
import type { PaymentRow } from '../payment.entity.ts';
import type { Facts } from '../payment.ts';

/** Providers compute the moment anew at each answer: less than this is the same. */
const SAME_MS = 60_000;

type Watch = Pick<PaymentRow, 'captureBefore' | 'captureWatchAt' | 'lapsedAt'>;

/** What new facts change about it. @param noticeMs how long before the end to tell */
export function watchOf(known: Watch, facts: Facts, noticeMs: number): Watch {
  const isHeld = facts.ended === undefined && facts.authorized - facts.voided - facts.captured > 0n;
  const captureBefore = facts.captureBefore ?? known.captureBefore ?? null;
  if (!isHeld || captureBefore === null) return { captureBefore, captureWatchAt: null, lapsedAt: known.lapsedAt ?? null };
  const moved = known.captureBefore ? Math.abs(captureBefore.getTime() - known.captureBefore.getTime()) : Number.POSITIVE_INFINITY;
  if (moved < SAME_MS) return { captureBefore, captureWatchAt: known.captureWatchAt ?? null, lapsedAt: known.lapsedAt ?? null };
  return { captureBefore, captureWatchAt: noticeAt(facts.fetchedAt, captureBefore, noticeMs), lapsedAt: null };
}

/** The notice comes `noticeMs` before the end, and where the whole time is short, half-way. */
export function noticeAt(now: Date, before: Date, noticeMs: number): Date {
  const left = Math.max(0, before.getTime() - now.getTime());
  return new Date(before.getTime() - Math.min(noticeMs, left / 2));
}
