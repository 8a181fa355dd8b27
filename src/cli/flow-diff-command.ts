/** `kassaflow flow diff`: what changed between two texts of a flow, in words. */
import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { diffFlows } from '../flows/language/diff/diff-flows.ts';
import { Diagnostics } from '../flows/language/diagnostic.ts';
import { readFlow } from '../flows/language/read/read-flow.ts';
import type { FlowSyntax } from '../flows/language/syntax.ts';
import { cliErrors } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';

interface Revision {
  readonly revision: number;
  readonly source: string;
}

/**
 * With two numbers: these revisions. With one: that revision and the newest. With none: the newest and the file
 * `flows/<name>.yaml`. For a path: what is published under its name, or that revision, and the file.
 */
export function addDiff(flow: Command, context: CommandContext): void {
  flow
    .command('diff')
    .description('what changed between two revisions of a flow, or between what is published and a file')
    .argument('<name>', 'name of the flow, or a file')
    .argument('[from]', 'number of the earlier revision')
    .argument('[to]', 'number of the later revision; the newest when it is left out')
    .option('--json', 'print the changes as JSON')
    .action(async (name: string, from: string | undefined, to: string | undefined, options: { readonly json?: boolean }) => {
      const file = from === undefined || name.endsWith('.yaml') ? fileOf(name) : undefined;
      if (file !== undefined && to !== undefined) throw cliErrors.usage({ problem: 'a file is compared with one revision' });
      const after = file === undefined ? undefined : parsed(readFileSync(file, 'utf8'), file);
      const flowName = after?.name.text ?? name;
      const path = `/v1/flows/${encodeURIComponent(flowName)}`;
      const at = (revision: string | undefined) =>
        context.api.get<Revision>(revision === undefined ? path : `${path}/revisions/${encodeURIComponent(revision)}`);
      const earlier = await at(from);
      const later = after ? undefined : await at(to);
      const changes = diffFlows(
        parsed(earlier.source, `revision ${earlier.revision}`),
        after ?? parsed(later?.source ?? '', `revision ${later?.revision ?? ''}`),
      );
      const title = `${flowName}: revision ${earlier.revision} → ${file ?? `revision ${later?.revision ?? ''}`}`;
      context
        .printer(options)
        .one({ flow: flowName, from: earlier.revision, to: file ?? later?.revision, changes }, () => [
          title,
          ...(changes.length === 0 ? ['  nothing that matters to a run'] : changes.map((change) => `  ${change}`)),
        ]);
    });
}

function fileOf(name: string): string | undefined {
  const candidates = name.endsWith('.yaml') ? [name] : [`flows/${name}.yaml`];
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found === undefined) throw cliErrors.usage({ problem: `there is no file ${candidates.join()}; name a revision to compare with` });
  return found;
}

/** The text as far as it can be read: a mistake in it is the business of `kassaflow check`. */
function parsed(source: string, what: string): FlowSyntax {
  const flow = readFlow(source, new Diagnostics(source));
  if (!flow) throw cliErrors.usage({ problem: `${what} is not a flow` });
  return flow;
}
