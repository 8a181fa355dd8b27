import { defineErrors } from '../kernel/errors.ts';

export const cliErrors = defineErrors('cli', {
  usage: { status: 400, title: 'The command was not written as it should be', remedy: 'fix', help: 'Add --help to see what it takes.' },
});

/** Exit codes that scripts rest on: 0 ok, 1 problems were found, 2 the command was wrong. */
export const EXIT = { ok: 0, problems: 1, usage: 2 } as const;
