/** How things are named in flows. */

export const FLOW_NAME = /^[a-z][a-z0-9-]{1,62}$/;
/** Ids of steps, names of variables, inputs and branches: they occur in expressions, so no dash. */
export const STEP_NAME = /^[a-z][a-zA-Z0-9_]*$/;

/** Subjects whose current state flows can read. */
export const SUBJECT_WORDS = ['payment', 'invoice', 'order', 'customer', 'subscription', 'refund', 'receipt', 'request'] as const;

/** Names with a meaning in expressions: no loop variable may hide them. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  ...SUBJECT_WORDS,
  'event',
  'steps',
  'vars',
  'inputs',
  'item',
  'error',
  'attempt',
  'run',
  'now',
  'true',
  'false',
  'null',
  'in',
]);

/** No step may be called so. Subjects are fine: their result is read as `steps.request`, which is clear. */
export const RESERVED_IDS: ReadonlySet<string> = new Set(
  [...RESERVED_NAMES].filter((name) => !SUBJECT_WORDS.some((subject) => subject === name)),
);
