/**
 * Which failures are the same failure: flow, step, code, and the message without what differs from run to run.
 *
 * The fingerprint is stored, so the masks are part of the schema: a change makes new groups beside the old ones.
 */
import { hash } from 'node:crypto';
import { staticPath } from './static-path.ts';

/** What is known of a failure. */
export interface Failure {
  /** Name of the flow. */
  readonly flow: string;
  /** Path of the step in the run; empty when the run did not come to one. */
  readonly step: string;
  /** Code of the error, or the kind of attention. */
  readonly code: string;
  readonly message: string;
}

/** What the failures of one group have in common; `step` is the path in the flow, `message` has its particulars masked. */
export interface FailureGroup extends Failure {
  /** 16 hexadecimal digits. */
  readonly fingerprint: string;
}

/** Longer messages are cut: what differs behind this is not what the failure is about. */
const MOST_CHARACTERS = 200;

/** The group that a failure belongs to. */
export function groupOf(failure: Failure): FailureGroup {
  const group = {
    flow: failure.flow,
    step: staticPath(failure.step),
    code: failure.code,
    message: maskParticulars(failure.message),
  };
  const fingerprint = hash('sha256', JSON.stringify([group.flow, group.step, group.code, group.message]), 'hex').slice(0, 16);
  return { fingerprint, ...group };
}

/** Replaces what differs between two failures of the same kind: ids, addresses, amounts, dates, quoted values. */
export function maskParticulars(message: string): string {
  const masked = MASKS.reduce((text, [pattern, mask]) => text.replaceAll(pattern, mask), message.slice(0, 4 * MOST_CHARACTERS));
  // The database takes neither control characters nor half a character.
  return masked
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, MOST_CHARACTERS)
    .toWellFormed();
}

/**
 * In this order: a later one would take a piece out of what an earlier one means as a whole. No pattern can backtrack over
 * more than one run of characters, so a hostile message costs linear time.
 */
const MASKS: readonly (readonly [RegExp, string])[] = [
  [/https?:\/\/[^\s"'<>]+/g, '<url>'],
  [/[^\s@"'<>:]{1,64}@[^\s@"'<>]{1,190}/g, '<address>'],
  [/"[^"]{0,400}"|“[^”]{0,400}”/g, '<value>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<id>'],
  // A word with a digit in it is a name that a machine gave: tr_8xkQ2, INV-2026-118, 9f86d081884c, 2026-11-22T10:00.
  [/(?<![\p{L}\p{N}_])[\p{L}\p{N}_]*\p{N}[\p{L}\p{N}_]*(?:[-.,:/][\p{L}\p{N}_]+)*/gu, '<n>'],
  // A prefix that goes with a number: INV-<n>.
  [/(?<![\p{L}\p{N}_])\p{Lu}{1,10}-<n>/gu, '<n>'],
];
