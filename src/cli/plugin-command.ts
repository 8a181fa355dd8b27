import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { renderConformance, type ConformanceReport } from '@kassaflow/plugin-sdk/testing';
import { refusalOf } from '../plugin-host/check-manifest.ts';
import { findPlugins, type FoundPlugin, type RefusedPlugin } from '../plugin-host/find-plugins.ts';
import { optionsFrom } from '../plugin-host/plugin-host-options.ts';
import { cliErrors, EXIT } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';
import { renderBrokenRun } from './plugin-test/render-broken-run.ts';
import { runKit, type KitRun } from './plugin-test/run-kit.ts';

interface TestOptions {
  readonly json?: boolean;
  readonly report?: string;
}

/** What was found about one plugin; `untested` when its author gives the kit nothing to try it with. */
type Tested = { readonly id: string; readonly untested: string } | ({ readonly id: string } & KitRun);

/** What `--json` prints and `--report` writes: `conformance.json`. */
interface ConformanceDocument {
  readonly conformance: 1;
  readonly reports: readonly ConformanceReport[];
  readonly problems: readonly { readonly plugin: string; readonly problem: string }[];
}

/** `kassaflow plugin …`: for people who write plugins. */
export function addPlugin(program: Command, context: CommandContext): void {
  const plugin = program.command('plugin').description('try plugins out');
  plugin
    .command('test')
    .description('run the conformance kit against plugins, with their providers on this machine; nothing leaves it')
    .argument('[ids...]', 'plugins by id; all that bring a test/conformance.ts unless given')
    .option('--json', 'print the reports as JSON')
    .option('--report <file>', 'write the reports to a file, as conformance.json')
    .action(async (ids: readonly string[], options: TestOptions) => {
      const { found, refused } = choose(ids, context);
      const tested: Tested[] = refused.map(({ id, error }) => ({
        id,
        broken: `before it began: ${refusalOf(error).message}`,
        results: [],
      }));
      // One after the other: on a busy machine two kits would take each other's time.
      for (const plugin of found) tested.push(await testPlugin(plugin));
      const document = documentOf(tested);
      if (options.report !== undefined) writeFileSync(options.report, `${JSON.stringify(document, null, 2)}\n`);
      context.printer(options).one(document, () => tested.flatMap(linesOf));
      const named = ids.length > 0;
      if (tested.some((one) => !isGood(one, named))) process.exitCode = EXIT.problems;
    });
}

/** @throws cli.usage for an id that is no plugin here */
function choose(
  ids: readonly string[],
  context: CommandContext,
): { readonly found: readonly FoundPlugin[]; readonly refused: readonly RefusedPlugin[] } {
  const { pluginsDir, packages } = optionsFrom(context.config);
  const all = findPlugins(pluginsDir, packages, import.meta.url);
  if (ids.length === 0) return all;
  const stranger = ids.find((id) => ![...all.found, ...all.refused].some((one) => one.id === id));
  if (stranger !== undefined) throw cliErrors.usage({ problem: `there is no plugin ${stranger}` });
  return { found: all.found.filter(({ id }) => ids.includes(id)), refused: all.refused.filter(({ id }) => ids.includes(id)) };
}

async function testPlugin({ id, folder }: FoundPlugin): Promise<Tested> {
  const file = ['conformance.ts', 'conformance.js'].map((name) => path.join(folder, 'test', name)).find((one) => existsSync(one));
  if (file === undefined) return { id, untested: 'it has no test/conformance.ts, so nothing is known of it' };
  return { id, ...(await runKit(file)) };
}

function isGood(tested: Tested, named: boolean): boolean {
  if ('untested' in tested) return !named;
  return 'report' in tested && tested.report.failed === 0;
}

function linesOf(tested: Tested): readonly string[] {
  if ('untested' in tested) return [`${tested.id}: ${tested.untested}`, ''];
  if ('broken' in tested) return [...renderBrokenRun(tested.id, tested), ''];
  return [...renderConformance(tested.report), ''];
}

function documentOf(tested: readonly Tested[]): ConformanceDocument {
  return {
    conformance: 1,
    reports: tested.flatMap((one) => ('report' in one ? [one.report] : [])),
    problems: tested.flatMap((one) => {
      if ('untested' in one) return [{ plugin: one.id, problem: one.untested }];
      return 'broken' in one ? [{ plugin: one.id, problem: one.broken }] : [];
    }),
  };
}
