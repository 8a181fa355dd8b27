import type { Command } from 'commander';
import { newId } from '../kernel/ids.ts';
import type { CommandContext } from './command-context.ts';
import { parseJson } from './parse-json.ts';

interface SendOptions {
  readonly data: string;
  readonly id?: string;
  readonly source: string;
  readonly subject?: string;
  readonly json?: boolean;
}

/** `kassaflow event send TYPE --data '{…}'`. */
export function addEvent(program: Command, context: CommandContext): void {
  const event = program.command('event').description('domain events');
  event
    .command('send')
    .description('send one event, as a portal does')
    .argument('<type>', 'custom.something or usage.recorded')
    .option('--data <json>', 'the payload', '{}')
    .option('--id <id>', 'the same id is taken in once; default: a new one')
    .option('--source <uri>', 'who sends it', '/cli')
    .option('--subject <subject>', 'what it is about: payment/pay_…')
    .option('--json', 'print the answer as JSON')
    .action(async (type: string, options: SendOptions) => {
      const answer = await context.api.post<{ id: string; duplicate: boolean }>(
        '/v1/events',
        {
          specversion: '1.0',
          id: options.id ?? newId('evt'),
          source: options.source,
          type,
          ...(options.subject === undefined ? {} : { subject: options.subject }),
          data: parseJson('--data', options.data),
        },
        { contentType: 'application/cloudevents+json' },
      );
      context.printer(options).one(answer, () => [answer.duplicate ? `${answer.id} was here before` : `${answer.id} accepted`]);
    });
}
