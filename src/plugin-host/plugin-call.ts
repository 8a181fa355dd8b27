/** One call of a plugin's method, from the connection to a checked outcome. */
import { failed, unknown, type Outcome } from '@kassaflow/plugin-sdk';
import { systemClock } from '../kernel/clock.ts';
import { idOf } from '../kernel/ids.ts';
import { stoodStill } from './action-call.ts';
import type { CallContext } from './child/protocol.ts';
import type { OpenConnection } from './connections/connection.ts';
import { checkOutcome } from './outcome-check.ts';
import type { ChildResult } from './plugin-runner.ts';
import { redactText } from './redact.ts';
import type { Validator } from './schema-validator.ts';

/** What a plugin sees of a connection and a call. */
export function contextFor({ id, name, mode, allSettings }: OpenConnection, idempotencyKey: string, attempt: number): CallContext {
  return {
    settings: allSettings,
    connection: { id: idOf('con', id), name },
    mode,
    idempotencyKey,
    attempt,
    now: systemClock.now().getTime(),
  };
}

/**
 * What a call came to. The rule for everything that is not a proper outcome, and for a plugin's own `unknown`:
 * a call that changes something is `unknown` when a request may have left, and `failed` when none did; a call that only
 * reads is `failed`, because nothing can have happened.
 */
export function outcomeOfChild(
  result: ChildResult,
  connection: OpenConnection,
  expected: { readonly check: Validator; readonly changes: boolean; readonly absentAllowed: boolean },
): Outcome<unknown> {
  if (result.kind === 'unavailable')
    return failed('temporary', result.message, { code: 'plugin.unavailable', retryAfterMs: result.retryAfterMs });
  if (result.kind === 'kept-back') return stoodStill();
  const may = expected.changes && result.left;
  const say = (text: string): string => redactText(text, connection.secretTexts).slice(0, 1_000);
  switch (result.kind) {
    case 'late':
      return may
        ? unknown('The plugin did not answer in time')
        : failed('temporary', 'The plugin did not answer in time', { code: 'plugin.late' });
    case 'died':
      return may
        ? unknown(say(`The plugin’s process ended: ${result.message}`))
        : failed('temporary', say(`The plugin’s process ended: ${result.message}`), { code: result.code });
    case 'threw':
    case 'invalid': {
      if (may) return unknown(say(`The plugin failed: ${result.message}`));
      return failed(result.code === 'plugin.threw' ? 'temporary' : 'permanent', say(`The plugin failed: ${result.message}`), {
        code: result.code,
      });
    }
    case 'answer':
      return outcomeOfAnswer(result, connection, expected, may, say);
  }
}

function outcomeOfAnswer(
  result: ChildResult & { kind: 'answer' },
  connection: OpenConnection,
  expected: { readonly check: Validator; readonly absentAllowed: boolean },
  may: boolean,
  say: (text: string) => string,
): Outcome<unknown> {
  const checked = checkOutcome(result.value, expected.check, expected.absentAllowed);
  if ('problem' in checked) {
    const message = say(`The plugin’s answer is not usable: ${checked.problem}`);
    return may ? unknown(message) : failed('permanent', message, { code: 'plugin.result' });
  }
  const { outcome } = checked;
  if (outcome.kind === 'unknown' && !may) return failed('temporary', say(outcome.message));
  return outcome.kind === 'ok' ? outcome : { ...outcome, message: say(outcome.message) };
}
