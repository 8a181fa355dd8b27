import { defineErrors } from '../kernel/errors.ts';

export const runErrors = defineErrors('runs', {
  'replay-diverged': {
    status: 500,
    title: 'The run computed something else than before it was interrupted',
    remedy: 'never',
    help: 'This is a defect in Kassaflow or a change of the program under a running run. Nothing was repeated. Keep the run for analysis and start a new one.',
  },
  'journal-refused': { status: 500, title: 'The database refuses a value that the run recorded', remedy: 'never' },
  'journal-limit': {
    status: 500,
    title: 'The run has more than 10,000 journal rows',
    remedy: 'fix',
    help: 'Split the flow, or bound its loops.',
  },
  unavailable: { status: 503, title: 'The database is not reachable', remedy: 'retry' },
  'not-found': { status: 404, title: 'There is no such run', remedy: 'fix' },
  finished: { status: 409, title: 'The run is over', remedy: 'never', help: 'What was done is in its timeline.' },
  'not-failed': { status: 409, title: 'Only a failed run can be retried', remedy: 'fix' },
  'not-begun': { status: 409, title: 'The run waits for its turn and has done nothing yet', remedy: 'fix', help: 'It can be cancelled.' },
  'no-standing-step': {
    status: 409,
    title: 'The run does not stand at this step, or it stands at several and none was named',
    remedy: 'fix',
    help: 'The timeline names the steps that failed or wait.',
  },
  'no-call': {
    status: 409,
    title: 'The run does not stand at a step that calls an action, or at several and none was named',
    remedy: 'fix',
    help: 'The timeline names the steps that failed or wait.',
  },
  'no-wait': {
    status: 409,
    title: 'No step of this run waits for a moment or an event, or several do and none was named',
    remedy: 'fix',
    help: 'The timeline names the steps that wait.',
  },
  'in-doubt': {
    status: 409,
    title: 'It is not known whether the step was done, so it cannot get another input',
    remedy: 'fix',
    help: 'Say first what became of it: `kassaflow run resolve`.',
  },
  'set-aside': { status: 409, title: 'The run was set aside', remedy: 'fix', help: 'Retry it, or cancel it without undo.' },
  'in-memory': { status: 409, title: 'The run is at work just now', remedy: 'retry' },
  'not-movable': {
    status: 409,
    title: 'The run cannot go on with the newest revision of its flow',
    remedy: 'fix',
    help: 'It goes on with its own. Cancel it and start the flow anew if that is not wanted.',
  },
  'no-attention': {
    status: 409,
    title: 'No step of this run waits for a decision',
    remedy: 'fix',
    help: 'The timeline names the steps that do.',
  },
  'not-manual': { status: 409, title: 'The flow cannot be started by hand', remedy: 'fix', help: 'Add the trigger "manual" to the flow.' },
  'team-required': {
    status: 403,
    title: 'The flow is for another team to start',
    remedy: 'fix',
    help: 'The flow says who: on: { manual: { who: … } }. Use an API key with the scope team:<that team>, or *.',
  },
  'no-engine': {
    status: 503,
    title: 'This process does not run flows',
    remedy: 'retry',
    help: 'Send the request to a process with the role "all" or "worker".',
  },
  'input-invalid': { status: 422, title: 'The inputs do not fit the flow', remedy: 'fix' },
});
