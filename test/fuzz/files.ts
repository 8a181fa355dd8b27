/**
 * Fuzzes flow files: real flows with damage are checked, and compiled when they have no error. Nothing may crash, every problem has
 * a place and a help, and nothing may take longer than 50 ms. As many excerpts of flows are read by both readers of YAML.
 *
 *   npm run build && node test/fuzz/files.ts [--count 100000] [--seed 1] [--from 0]
 */
import { globSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fullVocabulary } from '../../src/flows/test/full-vocabulary.ts';
import { tryFile, tryYaml, type Language } from './language.ts';
import { excerpt, file, seeded } from './grammar.ts';
import { report, trial } from './trial.ts';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' }, from: { type: 'string', default: '0' } },
});
const seed = Number(values.seed);
const random = seeded(seed);

const DIST = new URL('../../dist/flows/language/', import.meta.url);
const [checking, compiling, ...reading] = (await Promise.all(
  ['check/check-flow.js', 'compile.js', 'diagnostic.js', 'yaml/parse-yaml.js', 'yaml/plain-yaml.js'].map(
    (path) => import(new URL(path, DIST).href),
  ),
)) as [
  Pick<Language, 'checkFlow'>,
  Pick<Language, 'compile'>,
  Pick<Language, 'Diagnostics'>,
  Pick<Language, 'readAnything'>,
  Pick<Language, 'readPlain'>,
]; // built from the sources that have these types
const flows = globSync(['src/flows/test/examples/*.yaml', 'flows/*.yaml']).map((name) => readFileSync(name, 'utf8'));
const attempt = tryFile({ ...checking, ...compiling }, fullVocabulary);
for (const flow of flows) attempt(flow);
const count = Number(values.count);
const sameTree = tryYaml({ ...reading[0], ...reading[1], ...reading[2] });
const clean = [
  report(
    'files',
    seed,
    trial(count, 50, () => file(flows, random), attempt, Number(values.from)),
  ),
  report(
    'excerpts',
    seed,
    trial(count, 50, () => excerpt(flows, random), sameTree),
  ),
];
if (clean.includes(false)) process.exitCode = 1;
