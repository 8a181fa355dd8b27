/**
 * Fuzzes flow files: real flows with damage are checked, and compiled when they have no error. Nothing may crash, every problem has
 * a place and a help, and nothing may take longer than 50 ms.
 *
 *   npm run build && node test/fuzz/files.ts [--count 100000] [--seed 1] [--from 0]
 */
import { globSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fullVocabulary } from '../../src/flows/test/full-vocabulary.ts';
import { tryFile, type Language } from './language.ts';
import { file, seeded } from './grammar.ts';
import { report, trial } from './trial.ts';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' }, from: { type: 'string', default: '0' } },
});
const seed = Number(values.seed);
const random = seeded(seed);

const DIST = new URL('../../dist/flows/language/', import.meta.url);
const [checking, compiling] = (await Promise.all([
  import(new URL('check/check-flow.js', DIST).href),
  import(new URL('compile.js', DIST).href),
])) as [Pick<Language, 'checkFlow'>, Pick<Language, 'compile'>]; // built from the sources that have these types
const flows = globSync(['src/flows/test/examples/*.yaml', 'flows/*.yaml']).map((name) => readFileSync(name, 'utf8'));
const attempt = tryFile({ ...checking, ...compiling }, fullVocabulary);
for (const flow of flows) attempt(flow);
if (
  !report(
    'files',
    seed,
    trial(Number(values.count), 50, () => file(flows, random), attempt),
  )
)
  process.exitCode = 1;
