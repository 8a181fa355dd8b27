import { ok } from '@kassaflow/plugin-sdk';
import { idOf } from '../../kernel/ids.ts';
import type { BuiltInAction } from '../../plugin-host/built-in-actions.ts';
import type { Tasks } from './tasks.service.ts';

const text = (title: string, maxLength: number) => ({ type: 'string', title, maxLength }) as const;

/** The action `staff.task`: something for people to do, in a list of their own. */
export function staffTask(tasks: Tasks): BuiltInAction {
  return {
    spec: {
      name: 'staff.task',
      title: 'Ask staff to do something',
      about: 'Puts a task on the list of a team.',
      input: {
        type: 'object',
        properties: {
          team: text('Team', 60),
          title: text('Title', 200),
          about: text('Explanation', 2_000),
          link: text('Link', 500),
          urgent: { type: 'boolean', title: 'Urgent' },
        },
        required: ['team', 'title'],
        additionalProperties: false,
      },
      output: { type: 'object', properties: { task: { type: 'string' } }, required: ['task'], additionalProperties: false },
      effect: 'keyed',
      // The task itself remembers the key and is never deleted.
      keyTtlMs: 10 * 365 * 86_400_000,
      sample: { task: 'tsk_01jd3k4m5n6p7q8r9s0t1v2w3x' },
    },
    async run({ tenantId, idempotencyKey, input }) {
      const id = await tasks.create(tenantId, idempotencyKey, {
        team: textOf(input['team']),
        title: textOf(input['title']),
        about: textOf(input['about']),
        link: textOf(input['link']),
        urgent: input['urgent'] === true,
      });
      return ok({ task: idOf('tsk', id) }, idOf('tsk', id));
    },
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
