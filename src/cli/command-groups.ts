/**
 * The commands by the word they begin with, and where they are. Only what is asked for is loaded: all of them together are 2,500 modules
 * and 0.7 s of CPU, most of it for checking and testing flows.
 */
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

/** Adds commands to the program. */
export type AddCommands = (program: Command, context: CommandContext) => void;

/** Commands of one file. */
export interface CommandGroup {
  readonly names: readonly string[];
  readonly load: () => Promise<AddCommands>;
}

/** In the order of the help. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  { names: ['start'], load: async () => (await import('./start-command.ts')).addStart },
  { names: ['check', 'schema', 'flow'], load: async () => (await import('./flow-command.ts')).addFlow },
  { names: ['test'], load: async () => (await import('./flow-test-command.ts')).addTest },
  { names: ['event'], load: async () => (await import('./event-command.ts')).addEvent },
  { names: ['run'], load: async () => (await import('./run-command.ts')).addRun },
  { names: ['bulk', 'dead-letters'], load: async () => (await import('./bulk-command.ts')).addBulk },
  { names: ['key'], load: async () => (await import('./key-command.ts')).addKey },
  { names: ['connection'], load: async () => (await import('./connection-command.ts')).addConnection },
  { names: ['plugin'], load: async () => (await import('./plugin-command.ts')).addPlugin },
  { names: ['switch'], load: async () => (await import('./switch-command.ts')).addSwitch },
  { names: ['guards'], load: async () => (await import('./guards-command.ts')).addGuards },
  { names: ['settlement'], load: async () => (await import('./settlement-command.ts')).addSettlement },
  { names: ['status'], load: async () => (await import('./status-command.ts')).addStatus },
  { names: ['task'], load: async () => (await import('./task-command.ts')).addTask },
  { names: ['route'], load: async () => (await import('./route-command.ts')).addRoute },
  { names: ['portal'], load: async () => (await import('./portal-command.ts')).addPortal },
  { names: ['webhook'], load: async () => (await import('./webhook-command.ts')).addWebhook },
  { names: ['explain'], load: async () => (await import('./explain-command.ts')).addExplain },
  { names: ['doctor'], load: async () => (await import('./doctor-command.ts')).addDoctor },
  { names: ['housekeeping'], load: async () => (await import('./housekeeping-command.ts')).addHousekeeping },
  { names: ['audit'], load: async () => (await import('./audit-command.ts')).addAudit },
  { names: ['openapi'], load: async () => (await import('./openapi-command.ts')).addOpenApi },
];

/** The group of the command that is asked for; all of them when it is none, so that the help and the message about it are whole. */
export function groupsFor(asked: string | undefined): readonly CommandGroup[] {
  if (asked === '--version' || asked === '-V') return [];
  const group = COMMAND_GROUPS.find(({ names }) => asked !== undefined && names.includes(asked));
  return group ? [group] : COMMAND_GROUPS;
}
