/** Closing tasks: what is done is done, and a question is answered once, which the run is told in the same commit. */
import { Injectable } from '@nestjs/common';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { RunEngine } from '../run-engine.ts';
import { taskErrors } from './task-errors.ts';
import { TASK_COLUMNS, taskView, type TaskRow, type TaskView } from './task-view.ts';

export interface TaskAnswer {
  readonly choice: string;
  readonly note: string;
}

interface OpenTask extends TaskRow {
  readonly overdue: boolean;
}

@Injectable()
export class CloseTasks {
  constructor(
    private readonly database: Database,
    private readonly audit: Audit,
    private readonly engine: RunEngine,
  ) {}

  /**
   * Answers the question of a run.
   * @throws tasks.not-found, tasks.closed, tasks.overdue, tasks.no-question, tasks.no-such-choice
   */
  answer(tenantId: string, id: string, { choice, note }: TaskAnswer, by: string): Promise<TaskView> {
    return this.database.transact(tenantId, async (tx) => {
      const task = await openTask(tx, id);
      if (task.run_id === null || task.choices === null) throw taskErrors['no-question']();
      if (task.overdue) throw taskErrors.overdue();
      if (!task.choices.includes(choice)) throw taskErrors['no-such-choice']({ choices: task.choices.join(', ') });
      await tx.query(
        `insert into run_signal (tenant_id, run_id, step, kind, source, detail) values ($1, $2, $3, 'answer', $4, $5::jsonb)`,
        [tenantId, task.run_id, task.step, task.id, JSON.stringify({ choice, by, note })],
      );
      const subject = `task/${idOf('tsk', task.id)}`;
      await this.audit.append(tx, { actor: by, action: 'task.answer', subject, detail: { choice, note, run: idOf('run', task.run_id) } });
      tx.afterCommit(() => this.engine.nudge());
      return close(tx, task, { choice, note, by });
    });
  }

  /** Closes a task that asks nothing. @throws tasks.not-found, tasks.closed, tasks.is-question */
  done(tenantId: string, id: string, note: string, by: string): Promise<TaskView> {
    return this.database.transact(tenantId, async (tx) => {
      const task = await openTask(tx, id);
      if (task.run_id !== null) throw taskErrors['is-question']();
      await this.audit.append(tx, { actor: by, action: 'task.done', subject: `task/${idOf('tsk', task.id)}`, detail: { note } });
      return close(tx, task, { choice: null, note, by });
    });
  }
}

/** The task, locked: of two answers at the same time the second one finds it closed. */
async function openTask(tx: Transaction, id: string): Promise<OpenTask> {
  const [task] = await tx.query<OpenTask>(
    `select ${TASK_COLUMNS}, coalesce(until <= clock_timestamp(), false) as overdue from staff_task where id = $1 for no key update`,
    [uuidOf('tsk', id)],
  );
  if (!task) throw taskErrors['not-found']();
  if (task.state !== 'open') throw taskErrors.closed();
  return task;
}

async function close(
  tx: Transaction,
  { id }: TaskRow,
  { choice, note, by }: { choice: string | null; note: string; by: string },
): Promise<TaskView> {
  const [row] = await tx.query<TaskRow>(
    `update staff_task set state = 'done', answer = $2, note = $3, answered_by = $4, closed_at = clock_timestamp() where id = $1
     returning ${TASK_COLUMNS}`,
    [id, choice, note, by],
  );
  if (!row) throw taskErrors['not-found']();
  return taskView(row);
}
