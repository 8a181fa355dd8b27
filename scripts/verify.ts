/**
 * Every check, one after the other: `npm run verify [-- --without-tests]`. Prints a table; exits 1 when one is red.
 * A red check does not stop the ones after it, so that one run shows everything there is to repair.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const ROOT = path.join(import.meta.dirname, '..');
const LINTED = ['src', 'plugins', 'test', 'scripts', 'migrations', 'bin'];

interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

const checks: readonly Check[] = [
  { name: 'build', command: ['node', 'scripts/build.ts'] },
  { name: 'docs', command: ['node', 'scripts/docs.ts', '--check'] },
  { name: 'format', command: ['prettier', '--check', '--log-level', 'warn', '.'] },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings', ...LINTED] },
  { name: 'types', command: ['tsc', '--noEmit'] },
  ...(process.argv.includes('--without-tests')
    ? []
    : [
        {
          name: 'tests',
          command: ['node', '--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'] as const,
        },
      ]),
];

const results = checks.map(run);
console.log(`\n${table(results)}`);
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;

interface Result {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
}

function run({ name, command: [program, ...args] }: Check): Result {
  console.log(`\n── ${name}: ${[program, ...args].join(' ')}`);
  const started = performance.now();
  const tools = path.join(ROOT, 'node_modules', '.bin');
  const { status, error } = spawnSync(program, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, PATH: `${tools}${path.delimiter}${process.env['PATH'] ?? ''}` },
  });
  if (error) console.error(error.message);
  return { name, ok: status === 0, seconds: (performance.now() - started) / 1_000 };
}

function table(rows: readonly Result[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows
    .map(({ name, ok, seconds }) => `${ok ? 'green' : 'RED  '}  ${name.padEnd(width)}  ${seconds.toFixed(1).padStart(6)} s`)
    .join('\n');
}
