/** Starts the kit for one plugin in a process of its own, and ends it when it does not end by itself. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CONFORMANCE_TESTS, type ConformanceReport, type TestResult } from '@kassaflow/plugin-sdk/testing';
import type { KitMessage, StartedTest } from './kit-messages.ts';

/** The report of a run that came to its end; or what is known of one that did not. */
export type KitRun = { readonly report: ConformanceReport } | { readonly broken: string; readonly results: readonly TestResult[] };

/** Loading the plugin, its provider's library and the local server, before the first test begins. */
const LOAD_MS = 15_000;
/** The kit's own watch ends a test that waits; one that is silent for this long beyond it keeps its process busy. */
const GRACE_MS = 4_000;

/** @param file the plugin's `conformance.ts` */
export function runKit(file: string): Promise<KitRun> {
  // Ours is compiled; the plugin's file may be TypeScript, which Node reads as it is.
  const child = fork(fileURLToPath(new URL('./kit-process.js', import.meta.url)), [file], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const results: TestResult[] = [];
  let now: StartedTest | undefined;
  let lastWords = '';
  let watch = setTimeout(() => child.kill('SIGKILL'), LOAD_MS);
  const patience = (ms: number): void => {
    clearTimeout(watch);
    watch = setTimeout(() => child.kill('SIGKILL'), ms);
  };
  child.stderr?.on('data', (chunk: Buffer) => (lastWords = (lastWords + chunk.toString('utf8')).slice(-1_000)));
  return new Promise((resolve) => {
    child.on('message', (message: KitMessage) => {
      if (message.t === 'report') return resolve({ report: message.report });
      if (message.t === 'broken') return resolve({ broken: message.problem, results });
      if (message.t === 'finished') results.push(message.result);
      else now = message.test;
      patience(message.t === 'finished' ? GRACE_MS : message.test.withinMs + GRACE_MS);
    });
    child.once('error', (error) => resolve({ broken: error.message, results }));
    child.once('exit', (code, signal) => {
      clearTimeout(watch);
      const why =
        signal === 'SIGKILL' ? 'it kept its process busy without end and was stopped' : `its process exited with code ${code ?? 0}`;
      const where = now === undefined ? 'before its first test' : `in ${now.id} (${now.title})`;
      const words = /^\w*Error\b.*$/m.exec(lastWords)?.[0];
      resolve({ broken: `${where}: ${why}${words === undefined ? '' : ` after ${words}`}`, results: closed(results, now) });
    });
  });
}

/** A test that was under way when the process ended has failed; those behind it were not run. */
function closed(results: readonly TestResult[], now: StartedTest | undefined): readonly TestResult[] {
  return CONFORMANCE_TESTS.map(({ id, group, title }): TestResult => {
    const known = results.find((result) => result.id === id);
    if (known) return known;
    const base = { id, group, title, ms: 0, warnings: [] };
    if (id !== now?.id) return { ...base, result: 'left out', reason: 'the run ended before it' };
    const finding = { expected: 'an end', came: 'the process had to be stopped', look: 'an endless loop in the plugin, or in a lever' };
    return { ...base, result: 'failed', finding };
  });
}
