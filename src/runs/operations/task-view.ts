import { idOf } from '../../kernel/ids.ts';

/** `withdrawn`: the run asks no more; its time was over, or it ended. */
export type TaskStatus = 'open' | 'done' | 'withdrawn';

/** What a flow asks staff to do. */
export interface TaskWish {
  readonly team: string;
  readonly title: string;
  readonly about: string;
  readonly link: string;
  readonly urgent: boolean;
}

/** A task as it goes over the wire. */
export interface TaskView extends TaskWish {
  readonly id: string;
  readonly status: TaskStatus;
  readonly createdAt: string;
  /** What a run waits to be told; null for a task that asks nothing. */
  readonly question: {
    readonly run: string;
    readonly step: string;
    readonly choices: readonly string[];
    readonly until: string | null;
  } | null;
  readonly closed: { readonly at: string; readonly by: string | null; readonly choice: string | null; readonly note: string } | null;
}

export interface TaskRow extends TaskWish {
  readonly id: string;
  readonly state: TaskStatus;
  readonly created_at: Date;
  readonly run_id: string | null;
  readonly step: string | null;
  readonly choices: readonly string[] | null;
  readonly until: Date | null;
  readonly answer: string | null;
  readonly note: string | null;
  readonly answered_by: string | null;
  readonly closed_at: Date | null;
}

export const TASK_COLUMNS =
  'id, team, title, about, link, urgent, state, created_at, run_id, step, choices, until, answer, note, answered_by, closed_at';

export function taskView(row: TaskRow): TaskView {
  const { id, team, title, about, link, urgent, state, created_at, run_id, step, choices, until, closed_at } = row;
  return {
    id: idOf('tsk', id),
    status: state,
    team,
    title,
    about,
    link,
    urgent,
    createdAt: created_at.toISOString(),
    question:
      run_id === null ? null : { run: idOf('run', run_id), step: step ?? '', choices: choices ?? [], until: until?.toISOString() ?? null },
    closed: closed_at && { at: closed_at.toISOString(), by: row.answered_by, choice: row.answer, note: row.note ?? '' },
  };
}
