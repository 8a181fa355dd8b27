import type { Command } from 'commander';
import type { StatusView, WaitingView } from '../runs/observability/status.service.ts';
import type { CommandContext } from './command-context.ts';

interface Plugin {
  readonly id: string;
  readonly status: string;
}

const GIB = 1_024 ** 3;

/** `kassaflow status`. */
export function addStatus(program: Command, context: CommandContext): void {
  program
    .command('status')
    .description('how the installation stands: what needs a person, what waits, who works')
    .option('--json', 'print it as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const status = await context.api.get<StatusView>('/v1/status');
      const { items: plugins } = await context.api.get<{ items: Plugin[] }>('/v1/plugins');
      context
        .printer(options)
        .one({ ...status, plugins: plugins.map(({ id, status: state }) => ({ id, status: state })) }, () => [
          ...troubleOf(status),
          ...workOf(status),
          ...machineOf(status, plugins),
        ]);
    });
}

function troubleOf({ trouble, deadLetters, connectionsDown }: StatusView): readonly string[] {
  const found = trouble.filter(({ count }) => count > 0).map(lineOf);
  return [
    found.length === 0 ? 'Nothing needs a person, and nothing is in doubt.' : 'Needs a person, or is in doubt:',
    ...found,
    ...(deadLetters.count > 0
      ? [`  ${deadLetters.count} dead letters, up to ${deadLetters.largestGroup} with one cause (kassaflow dead-letters)`]
      : []),
    ...(connectionsDown.length > 0 ? [`  connections down: ${connectionsDown.join(', ')}`] : []),
  ];
}

function workOf({ work, resting, subscribers }: StatusView): readonly string[] {
  const late = subscribers
    .filter(({ lagSeconds }) => lagSeconds > 0)
    .map(({ subscriber, lagSeconds }) => `  ${subscriber} is ${lagSeconds} s behind`);
  const found = [...work.filter(({ count }) => count > 0).map(lineOf), ...late];
  return [
    found.length === 0 ? 'No work waits.' : 'Work that waits:',
    ...found,
    `Resting: ${resting.waitsForEvents} wait for events, ${resting.parkedBySwitch} are held by switches, ${resting.parkedByCap} by caps.`,
  ];
}

function machineOf({ leases, memory, disk }: StatusView, plugins: readonly Plugin[]): readonly string[] {
  // One that sleeps is there: its first call wakes it.
  const asleep = plugins.filter(({ status }) => status === 'asleep').length;
  const away = plugins.filter(({ status }) => status !== 'ready' && status !== 'asleep').map(({ id, status }) => `${id} is ${status}`);
  return [
    `Flush lanes: ${leases.live} live${leases.dead > 0 ? `, ${leases.dead} dead for up to ${leases.oldestDeadSeconds} s` : ''}.`,
    ...(memory ? [`In memory here: ${memory.runs} runs, ${memory.eventsInLine} events in line.`] : []),
    ...(disk ? [`Disk: ${(disk.freeBytes / GIB).toFixed(1)} of ${(disk.sizeBytes / GIB).toFixed(1)} GiB free.`] : []),
    `Plugins: ${plugins.length}${away.length > 0 ? `; ${away.join(', ')}` : ', all there'}${asleep > 0 ? `; ${asleep} sleep until they are called` : ''}.`,
  ];
}

function lineOf({ what, count, oldestSeconds }: WaitingView): string {
  return `  ${count} ${what}, the oldest for ${oldestSeconds} s`;
}
