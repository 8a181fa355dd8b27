import { expect, test } from '@jest/globals';
import { Command } from 'commander';
import { CommandContext } from './command-context.ts';
import { COMMAND_GROUPS, groupsFor } from './command-groups.ts';

test.each(COMMAND_GROUPS.map((group) => [group.names.join(', '), group] as const))(
  'the file that is loaded for %s has these commands and no others',
  async (_names, { names, load }) => {
    const program = new Command();
    (await load())(program, new CommandContext());
    expect(program.commands.map((command) => command.name())).toEqual(names);
  },
);

test('only the commands that are asked for are loaded, and all of them for the help or a word that is none', () => {
  expect(groupsFor('schema').map(({ names }) => names[0])).toEqual(['check']);
  expect(groupsFor('--version')).toEqual([]);
  for (const asked of [undefined, '--help', 'no-such-command']) expect(groupsFor(asked)).toBe(COMMAND_GROUPS);
});
