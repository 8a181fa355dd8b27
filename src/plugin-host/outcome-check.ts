/** Makes an {@link Outcome} of what a plugin's process sent, which may be anything. */
import type { FailureReason, Outcome } from '@kassaflow/plugin-sdk';
import type { Validator } from './schema-validator.ts';

/** Either an outcome whose value was checked, or the place and kind of what is wrong. */
export type CheckedOutcome = { readonly outcome: Outcome<unknown> } | { readonly problem: string };

const REASONS: readonly string[] = ['temporary', 'rate-limited', 'auth', 'input', 'permanent'] satisfies readonly FailureReason[];
/** A provider that asks for more than a day is refused the wish; the step is tried again by its own rules then. */
const LONGEST_RETRY_AFTER_MS = 86_400_000;

/**
 * @param checkValue for the value of `ok`
 * @param absentAllowed true for `lookup` and `find`, whose `ok` may say that there is nothing
 */
export function checkOutcome(answer: unknown, checkValue: Validator, absentAllowed: boolean): CheckedOutcome {
  if (typeof answer !== 'object' || answer === null) return { problem: 'the plugin returned no outcome' };
  const fields = answer as Readonly<Record<string, unknown>>; // any object is; each field is checked where it is read
  switch (fields['kind']) {
    case 'ok':
      return checkOk(fields, checkValue, absentAllowed);
    case 'declined':
      return {
        outcome: {
          kind: 'declined',
          code: text(fields['code'], 100) ?? 'other',
          message: text(fields['message']) ?? 'The provider declined',
        },
      };
    case 'failed':
      return checkFailed(fields);
    case 'unknown':
      return { outcome: { kind: 'unknown', message: text(fields['message']) ?? 'The provider’s answer is not known' } };
    default:
      return { problem: '/kind must be ok, declined, failed or unknown' };
  }
}

function checkOk({ value, reference }: Readonly<Record<string, unknown>>, checkValue: Validator, absentAllowed: boolean): CheckedOutcome {
  // JSON has no `undefined`; a plugin that says `null` means the same
  if (absentAllowed && (value === undefined || value === null))
    return { outcome: { kind: 'ok', value: undefined, reference: text(reference, 200) ?? '' } };
  const problem = checkValue(value);
  if (problem) return { problem: `/value${problem.pointer} ${problem.message}` };
  return { outcome: { kind: 'ok', value, reference: text(reference, 200) ?? '' } };
}

function checkFailed({ reason, message, code, retryAfterMs, field }: Readonly<Record<string, unknown>>): CheckedOutcome {
  if (typeof reason !== 'string' || !REASONS.includes(reason)) return { problem: `/reason must be one of ${REASONS.join(', ')}` };
  const [knownCode, knownField] = [text(code, 100), text(field, 100)];
  const wait = typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS) : undefined;
  return {
    outcome: {
      kind: 'failed',
      reason: reason as FailureReason, // it is in the list
      message: text(message) ?? 'The provider refused',
      ...(knownCode === undefined ? {} : { code: knownCode }),
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
      ...(knownField === undefined ? {} : { field: knownField }),
    },
  };
}

function text(value: unknown, longest = 1_000): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, longest) : undefined;
}
