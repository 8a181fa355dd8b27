/** `connection.paused` and `connection.recovered`. */
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { EventLog } from '../../events/event-log.ts';
import { idOf } from '../../kernel/ids.ts';
import type { Transaction } from '../../platform/database/transaction.ts';
import { ConnectionNews, type ConnectionTurn } from '../../plugin-host/connections/connection-news.ts';

@Injectable()
export class ConnectionEvents implements OnModuleInit {
  constructor(
    private readonly news: ConnectionNews,
    private readonly eventLog: EventLog,
  ) {}

  onModuleInit(): void {
    this.news.whenTurned((tx, turn) => this.#append(tx, turn));
  }

  async #append(tx: Transaction, { connection, kind, problem }: ConnectionTurn): Promise<void> {
    const id = idOf('con', connection.id);
    const status = kind === 'paused' ? 'paused' : 'active';
    await this.eventLog.append(tx, {
      type: `connection.${kind}`,
      subject: `connection/${id}`,
      data: { connection: { ...connection, id, status }, ...(kind === 'paused' && { problem }) },
    });
  }
}
