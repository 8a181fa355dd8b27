/** Holding the payload of an event against the catalogue. */
import type { FieldProblem } from '../../kernel/errors.ts';
import { eventErrors } from '../event-errors.ts';
import type { EventDefinition } from './define-event.ts';

/** The payload as the schema of its type has it. @throws events.invalid-data with every problem and its place under `/data` */
export function checkData({ type, data: schema }: EventDefinition, data: unknown): Readonly<Record<string, unknown>> {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap(problemsOf);
  const [first] = problems;
  throw eventErrors['invalid-data']({ type, at: first?.pointer, problem: first?.detail }).with(problems);
}

interface Issue {
  readonly code?: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
  readonly input?: unknown;
}

function problemsOf({ code, path, message, keys }: Issue): FieldProblem[] {
  const pointer = pointerOf(['data', ...path]);
  if (code === 'unrecognized_keys' && keys) {
    return keys.map((key) => ({
      pointer: `${pointer}${pointerOf([key])}`,
      code: 'request.unknown-field',
      detail: 'There is no such field',
    }));
  }
  const missing = message.endsWith('received undefined');
  return [
    {
      pointer,
      code: missing ? 'request.required' : (CODES[code ?? ''] ?? 'request.format'),
      detail: missing ? 'The field is missing' : message,
    },
  ];
}

const CODES: Readonly<Record<string, string>> = {
  invalid_type: 'request.type',
  too_big: 'request.range',
  too_small: 'request.range',
  invalid_value: 'request.choice',
};

/** A JSON pointer (RFC 6901). */
function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
