/**
 * Fuzzes expressions: each is checked, and evaluated when it compiles. Nothing may crash, and nothing may take longer than 50 ms.
 *
 *   npm run build && node test/fuzz/expressions.ts [--count 1000000] [--seed 1] [--from 0]
 */
import { parseArgs } from 'node:util';
import { tryExpression, type Language } from './language.ts';
import { expression, seeded } from './grammar.ts';
import { report, trial } from './trial.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
  },
});
const seed = Number(values.seed);
const random = seeded(seed);

const DIST = new URL('../../dist/flows/language/', import.meta.url);
const [checking, compiling] = (await Promise.all([
  import(new URL('expressions/check-expression.js', DIST).href),
  import(new URL('expressions/expression.js', DIST).href),
])) as [Pick<Language, 'ExpressionTypes'>, Pick<Language, 'compileExpression'>]; // built from the sources that have these types
const attempt = tryExpression({ ...checking, ...compiling });
attempt('payment.id == "warm"');
if (
  !report(
    'expressions',
    seed,
    trial(Number(values.count), 50, () => expression(random), attempt),
  )
)
  process.exitCode = 1;
