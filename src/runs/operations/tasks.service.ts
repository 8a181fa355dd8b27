import { Injectable } from '@nestjs/common';
import { idOf, newUuid } from '../../kernel/ids.ts';
import { Database } from '../../platform/database/transaction.ts';
import { EventLog } from '../../events/event-log.ts';
import { pageOf, readCursor, type Page } from '../../platform/http/page.ts';
import { TASK_COLUMNS, taskView, type TaskRow, type TaskStatus, type TaskView, type TaskWish } from './task-view.ts';

@Injectable()
export class Tasks {
  constructor(
    private readonly database: Database,
    private readonly log: EventLog,
  ) {}

  /** Makes a task once per `key`, with its event. @returns its `uuid` */
  create(tenantId: string, key: string, wish: TaskWish): Promise<string> {
    return this.database.transact(tenantId, async (tx) => {
      const id = newUuid();
      const { team, title, about, link, urgent } = wish;
      const [made] = await tx.query<{ id: string }>(
        `insert into staff_task (id, tenant_id, idempotency_key, team, title, about, link, urgent) values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (tenant_id, idempotency_key) do nothing returning id`,
        [id, tenantId, key, team, title, about, link, urgent],
      );
      if (made) {
        await this.log.append(tx, {
          type: 'task.created',
          subject: `task/${idOf('tsk', id)}`,
          data: { task: { id: idOf('tsk', id), ...wish } },
        });
        return id;
      }
      const [before] = await tx.query<{ id: string }>('select id from staff_task where idempotency_key = $1', [key]);
      return before?.id ?? id;
    });
  }

  /** Newest first. */
  async list(
    tenantId: string,
    status: TaskStatus | undefined,
    page: { limit: number; cursor?: string | undefined },
  ): Promise<Page<TaskView>> {
    const [before] = readCursor(page.cursor, { status }) ?? [];
    const rows = await this.database.transact(tenantId, (tx) =>
      tx.query<TaskRow>(
        `select ${TASK_COLUMNS} from staff_task
         where ($1::text is null or state = $1) and ($2::uuid is null or id < $2) order by id desc limit $3`,
        [status ?? null, before ?? null, page.limit + 1],
      ),
    );
    return pageOf(rows, { limit: page.limit, filter: { status } }, ({ id }) => [id], taskView);
  }
}
