import type { Command } from 'commander';
import { newId } from '../kernel/ids.ts';
import type { CommandContext } from './command-context.ts';
import { parseJson } from './parse-json.ts';

interface Json {
  readonly json?: boolean;
}

interface Reasoned extends Json {
  readonly reason: string;
  readonly step?: string;
}

interface CommandAnswer {
  readonly state: 'done' | 'accepted';
  readonly run: { readonly id: string; readonly status: string };
}

const STEP = ['--step <path>', 'path of the step, as `run show` prints it; needed when several are meant'] as const;

/** `kassaflow run cancel|retry|skip|resume|edit|resolve|move`: what a person may want of a run. */
export function addRunCommands(run: Command, context: CommandContext): void {
  const give = async (id: string, name: string, body: object, options: Json): Promise<void> => {
    // One key per call of the program: what it repeats by itself is given once.
    const address = `/v1/runs/${encodeURIComponent(id)}/${name}`;
    const answer = await context.api.post<CommandAnswer>(address, body, { idempotencyKey: newId('evt') });
    context.printer(options).one(answer, () => [told(answer)]);
  };
  const command = (name: string, about: string, needsReason = false): Command => {
    const made = run.command(name).description(about).argument('<run>', 'run_…');
    const words = 'why; shown with the run and kept in the audit';
    return (needsReason ? made.requiredOption('--reason <text>', words) : made.option('--reason <text>', words, '')).option(
      '--json',
      'print the answer as JSON',
    );
  };
  command('cancel', 'end a run; what it already did stays done, unless --undo')
    .option('--undo', 'take back what was done, newest first')
    .action((id: string, { undo, reason, ...options }: Reasoned & { readonly undo?: boolean }) =>
      give(id, 'cancel', { undo: undo === true, reason }, options),
    );
  command('retry', 'run a failed run again from the steps that failed')
    .option('--newest', 'on the newest revision of the flow')
    .action((id: string, { newest, reason, ...options }: Reasoned & { readonly newest?: boolean }) =>
      give(id, 'retry', { revision: newest === true ? 'newest' : 'same', reason }, options),
    );
  command('skip', 'count the step that failed or waits as skipped, and go on behind it', true)
    .option(...STEP)
    .option('--output <json>', 'what later steps see as its result')
    .action((id: string, { step, output, reason, ...options }: Reasoned & { readonly output?: string }) =>
      give(id, 'skip', { ...at(step), ...(output !== undefined && { output: parseJson('--output', output) }), reason }, options),
    );
  command('resume', 'end a wait now')
    .option(...STEP)
    .option('--data <json>', 'as if the event of a wait-for had come with it')
    .action((id: string, { step, data, reason, ...options }: Reasoned & { readonly data?: string }) =>
      give(id, 'resume', { ...at(step), ...(data !== undefined && { data: parseJson('--data', data) }), reason }, options),
    );
  command('edit', 'give the step that failed or waits another input, and do it with that', true)
    .option(...STEP)
    .requiredOption('--input <json>', 'the whole input')
    .action((id: string, { step, input, reason, ...options }: Reasoned & { readonly input: string }) =>
      give(id, 'edit', { ...at(step), input: parseJson('--input', input), reason }, options),
    );
  command('move', 'let a waiting run go on with the newest revision of its flow, if that can be proved to take the same way').action(
    (id: string, { reason, ...options }: Reasoned) => give(id, 'move', { reason }, options),
  );
  command('resolve', 'say how an unknown outcome ended, after looking at the provider')
    .argument('<decision>', 'done, not-done or fail')
    .option(...STEP)
    .option('--output <json>', 'with done: what the step gives to later ones', '{}')
    .action((id: string, decision: string, { step, output, reason, ...options }: Reasoned & { readonly output: string }) => {
      const resolution = decision === 'done' ? { decision, output: parseJson('--output', output) } : { decision };
      return give(id, 'resolve', { ...at(step), resolution, reason }, options);
    });
}

function at(step: string | undefined): { readonly step?: string } {
  return step === undefined ? {} : { step };
}

function told({ state, run }: CommandAnswer): string {
  return state === 'done'
    ? `${run.id} is ${run.status}`
    : `${run.id} is ${run.status}; the command is on its way to the process that has the run`;
}
