/**
 * How long the checker takes for 1,000 flows: the example flows under different names, each read and checked from its text.
 *
 *   npm run build && node test/perf/check-flows.ts [--flows 1000]
 *
 * With `node --cpu-prof` it shows where the time goes.
 */
import { globSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fullVocabulary } from '../../src/flows/test/full-vocabulary.ts';

const DIST = new URL('../../dist/', import.meta.url);

const { values } = parseArgs({ options: { flows: { type: 'string', default: '1000' } } });

/** Loads a built module under the types of its source. */
const [{ checkFlow }, { compile }] = (await Promise.all([
  import(new URL('flows/language/check/check-flow.js', DIST).href),
  import(new URL('flows/language/compile.js', DIST).href),
])) as [typeof import('../../src/flows/language/check/check-flow.ts'), typeof import('../../src/flows/language/compile.ts')];

const examples = globSync(['src/flows/test/examples/*.yaml', 'flows/*.yaml'], { cwd: new URL('../../', import.meta.url).pathname })
  .toSorted()
  .map((file) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'));
const sources = Array.from({ length: Number(values.flows) }, (_, index) => {
  const source = examples[index % examples.length] ?? '';
  return source.replace(/^flow: (.*)$/m, (_line, name: string) => `flow: ${name}-${index}`);
});

const times: number[] = [];
const begun = performance.now();
const cpu = process.cpuUsage();
const checked = sources.map((source) => {
  const from = performance.now();
  const { flow, diagnostics } = checkFlow(source, fullVocabulary);
  times.push(performance.now() - from);
  return { source, flow, diagnostics };
});
const whole = performance.now() - begun;
const used = process.cpuUsage(cpu);

const beforeCompile = performance.now();
for (const { source, flow } of checked) if (flow) compile(flow, source, fullVocabulary);
const compiled = performance.now() - beforeCompile;

const sorted = times.toSorted((a, b) => a - b);
const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(2);
const problems = checked.reduce((count, { diagnostics }) => count + diagnostics.length, 0);
console.log(
  `${sources.length} flows checked in ${(whole / 1_000).toFixed(2)} s (${((used.user + used.system) / 1e6).toFixed(2)} s of CPU), ${problems} problems`,
);
console.log(`one flow: median ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`);
console.log(`compiled in ${(compiled / 1_000).toFixed(2)} s`);
