import { defineErrors } from '../../kernel/errors.ts';

export const repairErrors = defineErrors('repair', {
  'no-such-group': { status: 404, title: 'There are no failures with this fingerprint', remedy: 'fix' },
  'no-such-flow': { status: 404, title: 'There is no such flow', remedy: 'fix' },
  'no-recording': { status: 422, title: 'This is not a recorded run', remedy: 'fix', help: '`kassaflow run export` writes one.' },
  'masked-recording': {
    status: 422,
    title: 'Values of this recording are masked, so it cannot be computed again',
    remedy: 'fix',
    help: 'Export the run without --mask.',
  },
  'no-such-job': { status: 404, title: 'There is no such bulk job', remedy: 'fix' },
  'nothing-selected': { status: 422, title: 'No run fits this selection', remedy: 'fix' },
  'too-many': {
    status: 422,
    title: 'A bulk job takes at most 100,000 runs',
    remedy: 'fix',
    help: 'Choose a shorter time, one flow, or one fingerprint, and do the rest in a second job.',
  },
  'detail-missing': { status: 422, title: 'The action needs more than was given', remedy: 'fix' },
  'plan-changed': {
    status: 409,
    title: 'The selected runs are no longer what the preview showed',
    remedy: 'fix',
    help: 'Nothing was done. Ask for a new preview.',
  },
  'plan-old': {
    status: 409,
    title: 'The preview is older than 15 minutes',
    remedy: 'fix',
    help: 'Nothing was done. Ask for a new preview.',
  },
  'not-confirmed': {
    status: 409,
    title: 'Some steps may happen twice',
    remedy: 'fix',
    help: 'Look at the preview. Send "confirm": true when that is meant, or leave those runs out.',
  },
  'job-over': { status: 409, title: 'The bulk job is over', remedy: 'never' },
  'already-started': { status: 409, title: 'The bulk job was started before', remedy: 'never' },
});
