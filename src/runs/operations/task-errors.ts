import { defineErrors } from '../../kernel/errors.ts';

export const taskErrors = defineErrors('tasks', {
  'not-found': { status: 404, title: 'There is no such task', remedy: 'fix' },
  closed: {
    status: 409,
    title: 'The task is closed: it was answered or done before, or the run no longer asks',
    remedy: 'never',
    help: 'The task says who answered and what.',
  },
  overdue: {
    status: 409,
    title: 'The time to answer is over',
    remedy: 'never',
    help: 'The run has gone on with what its flow says for that case.',
  },
  'no-question': { status: 409, title: 'The task asks nothing', remedy: 'fix', help: 'Close it as done.' },
  'is-question': { status: 409, title: 'The task is a question of a run', remedy: 'fix', help: 'Answer it with one of its choices.' },
  'no-such-choice': { status: 422, title: 'The question has no such choice', remedy: 'fix', help: 'The task names its choices.' },
});
