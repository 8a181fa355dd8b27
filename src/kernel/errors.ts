/**
 * Errors inside Kassaflow: one class, one catalogue per module.
 *
 * A module lists its errors with {@link defineErrors}; nothing else throws to a user. The HTTP door turns them into
 * RFC 9457 problem details and the CLI into a sentence; `docs/errors.md` lists them all, and a test holds the two together.
 */

/** What helps: `fix` the input or settings, `retry` the same call later, or `never` (ask an operator). */
export type Remedy = 'fix' | 'retry' | 'never';

/** One entry of a catalogue. `title` is a whole sentence that says what is wrong, without the particulars. */
export interface ErrorSpec {
  readonly status: number;
  readonly title: string;
  readonly remedy: Remedy;
  /** What to do about it, when the title does not say it already. */
  readonly help?: string;
}

/** One of several problems found in the same input. `pointer` is a JSON pointer (RFC 6901) into it. */
export interface FieldProblem {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
  readonly help?: string;
}

/** The particulars of one error: small facts a user may see. Never a secret, never an entity. */
export type ErrorFacts = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

/** An error with a stable `code` (`payment.illegal-transition`), an HTTP status and the facts of this case. */
export class KassaflowError extends Error {
  override readonly name = 'KassaflowError';
  /** Other problems in the same input, each with its place. */
  problems: readonly FieldProblem[] = [];
  /** For `429` and `503`: after how long another try makes sense. */
  retryAfterMs?: number;

  readonly code: string;
  readonly spec: ErrorSpec;
  readonly facts: ErrorFacts;

  constructor(code: string, spec: ErrorSpec, facts: ErrorFacts = {}, options: ErrorOptions = {}) {
    super(describe(spec, facts), options);
    this.code = code;
    this.spec = spec;
    this.facts = facts;
  }

  /** Adds the list of all problems found; at most 20 are shown, so that a hostile body cannot make a huge answer. */
  with(problems: readonly FieldProblem[]): this {
    this.problems = problems.slice(0, 20);
    return this;
  }

  after(retryAfterMs: number): this {
    this.retryAfterMs = retryAfterMs;
    return this;
  }
}

/** Makes one error of a catalogue entry from the facts of this case. */
export type ErrorFactory = (facts?: ErrorFacts, options?: ErrorOptions) => KassaflowError;

/** Every catalogue made so far, for `kassaflow explain` and for the test that compares them with `docs/errors.md`. */
export const errorCatalogue = new Map<string, ErrorSpec>();

/**
 * Declares the errors of one module: `defineErrors('payment', { 'illegal-transition': { … } })` gives
 * `paymentErrors['illegal-transition']({ from, to })`, an error with the code `payment.illegal-transition`.
 */
export function defineErrors<const T extends Record<string, ErrorSpec>>(
  module: string,
  specs: T,
): { readonly [K in keyof T]: ErrorFactory } {
  const factories = Object.entries(specs).map(([name, spec]) => {
    const code = `${module}.${name}`;
    errorCatalogue.set(code, spec);
    return [name, (facts?: ErrorFacts, options?: ErrorOptions) => new KassaflowError(code, spec, facts, options)] as const;
  });
  return Object.fromEntries(factories) as { readonly [K in keyof T]: ErrorFactory };
}

/** Tells whether `error` is ours; the brand is the class, because errors never cross a package boundary. */
export function isKassaflowError(error: unknown, code?: string): error is KassaflowError {
  return error instanceof KassaflowError && (code === undefined || error.code === code);
}

function describe(spec: ErrorSpec, facts: ErrorFacts): string {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  return known.length === 0 ? spec.title : `${spec.title} (${known.map(([name, value]) => `${name}: ${String(value)}`).join(', ')})`;
}
