/** Starts the kit for one plugin in a process of its own, and ends it when it does not end by itself. */
import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUDGET_MS, CONFORMANCE_TESTS, type ConformanceReport, type TestResult } from '@kassaflow/plugin-sdk/testing';
import type { KitMessage } from './kit-messages.ts';

/** The report of a run that came to its end; or what is known of one that did not. */
export type KitRun = { readonly report: ConformanceReport } | { readonly broken: string; readonly results: readonly TestResult[] };

/** Loading the plugin, its provider's library and the local server, before the kit's own time begins. */
const LOAD_MS = 15_000;
const SELF = import.meta.url;

/** @param file the plugin's `conformance.ts` */
export function runKit(file: string): Promise<KitRun> {
  const results: TestResult[] = [];
  let now: Pick<TestResult, 'id' | 'group' | 'title'> | undefined;
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(new URL(`./kit-process${extname(SELF)}`, SELF)), [file], {
      execArgv: ['--disable-warning=ExperimentalWarning', ...(extname(SELF) === '.ts' ? ['--conditions=kassaflow-source'] : [])],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let lastWords = '';
    child.stderr?.on('data', (chunk: Buffer) => (lastWords = (lastWords + chunk.toString('utf8')).slice(-1_000)));
    const timer = setTimeout(() => child.kill('SIGKILL'), LOAD_MS + BUDGET_MS);
    child.on('message', (message: KitMessage) => {
      if (message.t === 'starting') now = message.test;
      else if (message.t === 'finished') results.push(message.result);
      else if (message.t === 'report') resolve({ report: message.report });
      else resolve({ broken: message.problem, results });
    });
    child.once('error', (error) => resolve({ broken: error.message, results }));
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      const why = signal === 'SIGKILL' ? 'it did not come to an end and was stopped' : `its process exited with code ${code ?? 0}`;
      const where = now === undefined ? 'before its first test' : `in ${now.id} (${now.title})`;
      const words = /^\w*Error\b.*$/m.exec(lastWords)?.[0];
      resolve({ broken: `${where}: ${why}${words === undefined ? '' : ` after ${words}`}`, results: closed(results, now) });
    });
  });
}

/** A test that was under way when the process ended has failed; those behind it were not run. */
function closed(results: readonly TestResult[], now: Pick<TestResult, 'id' | 'group' | 'title'> | undefined): readonly TestResult[] {
  const done = new Set(results.map(({ id }) => id));
  return CONFORMANCE_TESTS.map(({ id, group, title }): TestResult => {
    const known = results.find((result) => result.id === id);
    if (known) return known;
    const base = { id, group, title, ms: 0, warnings: [] };
    if (id !== now?.id || done.has(id)) return { ...base, result: 'left out', reason: 'the run ended before it' };
    const finding = { expected: 'an end', came: 'the process had to be stopped', look: 'an endless loop in the plugin, or in a lever' };
    return { ...base, result: 'failed', finding };
  });
}
