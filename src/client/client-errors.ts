import { defineErrors } from '../kernel/errors.ts';

export const clientErrors = defineErrors('client', {
  unreachable: {
    status: 503,
    title: 'Kassaflow does not answer at this address',
    remedy: 'retry',
    help: 'Start it with `npm start`, or set KASSAFLOW_URL.',
  },
  'no-key': {
    status: 401,
    title: 'No API key is known',
    remedy: 'fix',
    help: 'Set KASSAFLOW_API_KEY, or make a key with `kassaflow key create`.',
  },
  refused: { status: 422, title: 'Something that is not Kassaflow answered at this address', remedy: 'fix' },
});
