/**
 * Where the processor time of a CPU profile went, by subsystem and by function.
 *
 *   npm run bench -- --rounds 1 --only batch --profile FOLDER
 *   node test/perf/profile.ts FOLDER/*.cpuprofile [--runs 24000] [--top 60]
 *
 * Time is self time. With `--runs`, microseconds are per run; `bench` makes 1.2 runs for each of its `--runs`, and 420 events at 50/s.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '1' }, top: { type: 'string', default: '60' } },
});
const [file] = positionals;
if (file === undefined) throw new Error('usage: node test/perf/profile.ts PROFILE.cpuprofile [--runs N] [--top N]');
const profile = JSON.parse(readFileSync(file, 'utf8')) as Profile;
const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
const bySubsystem = new Map<string, number>();
const byFunction = new Map<string, number>();
for (const [index, id] of profile.samples.entries()) {
  const frame = frames.get(id);
  const micros = profile.timeDeltas[index] ?? 0;
  if (!frame || frame.functionName === '(idle)') continue;
  const place = placeOf(frame);
  add(bySubsystem, subsystemOf(place, frame), micros);
  add(byFunction, `${frame.functionName || '(anonymous)'} ${place}:${frame.lineNumber + 1}`, micros);
}
print(bySubsystem, 40);
console.log('');
print(byFunction, Number(options.top));

function add(to: Map<string, number>, key: string, micros: number): void {
  to.set(key, (to.get(key) ?? 0) + micros);
}

/** The file without what is the same for all: `src/runs/lane`, `node_modules/undici/lib/…`, `node:net`. */
function placeOf({ url }: CallFrame): string {
  const dependency = url.lastIndexOf('/node_modules/');
  if (dependency >= 0) return url.slice(dependency + 1);
  return url.replace(/^file:\/\/.*\/dist\//, 'dist/');
}

function subsystemOf(place: string, { functionName }: CallFrame): string {
  if (place === '') return functionName.startsWith('(') ? functionName : 'native';
  if (place.startsWith('node:')) return 'node';
  const [first = '', second = '', third = ''] = place.split('/');
  if (first === 'node_modules') return second.startsWith('@') ? `${second}/${third}` : second;
  return second === 'src' ? `${second}/${third}` : `src/${second}`;
}

function print(table: ReadonlyMap<string, number>, top: number): void {
  const total = [...table.values()].reduce((a, b) => a + b, 0);
  const rows = [...table].toSorted(([, a], [, b]) => b - a).slice(0, top);
  for (const [name, micros] of rows)
    console.log(
      `${(micros / Number(options.runs)).toFixed(1).padStart(10)} µs ${((100 * micros) / total).toFixed(1).padStart(5)} %  ${name}`,
    );
  console.log(`${(total / Number(options.runs)).toFixed(1).padStart(10)} µs  in all`);
}
