import { defineErrors } from '../kernel/errors.ts';

export const cliErrors = defineErrors('cli', {
  unreachable: { status: 503, title: 'Kassaflow does not answer at this address', remedy: 'retry', help: 'Start it with `npm start`, or set KASSAFLOW_URL.' },
  'no-key': { status: 401, title: 'No API key is known', remedy: 'fix', help: 'Set KASSAFLOW_API_KEY, or make a key with `kassaflow key create`.' },
  refused: { status: 422, title: 'Kassaflow refused the request', remedy: 'fix' },
  usage: { status: 400, title: 'The command was not written as it should be', remedy: 'fix', help: 'Add --help to see what it takes.' },
});

/** Exit codes that scripts rest on: 0 ok, 1 problems were found, 2 the command was wrong. */
export const EXIT = { ok: 0, problems: 1, usage: 2 } as const;
