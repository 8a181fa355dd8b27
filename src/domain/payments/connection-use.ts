import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Transaction } from '../../platform/database/transaction.ts';
import { ConnectionUses } from '../../plugin-host/connections/connection-uses.ts';

/** Keeps a connection while payments need it: without its credentials nobody could ask how they stand. */
@Injectable()
export class PaymentsNeedConnections implements OnModuleInit {
  constructor(private readonly uses: ConnectionUses) {}

  onModuleInit(): void {
    this.uses.offer(needOf);
  }
}

async function needOf(tx: Transaction, connectionId: string): Promise<string | undefined> {
  const [found] = await tx.query<Record<(typeof NEEDS)[number][0], number>>(
    `select ${NEEDS.map(([name, query]) => `(select count(*)::int from (${query} limit 1000) n) as "${name}"`).join(', ')}`,
    [connectionId],
  );
  const needs = Object.entries(found ?? {}).flatMap(([name, count]) => (count > 0 ? [`${count} ${name}`] : []));
  return needs.length === 0 ? undefined : needs.join(', ');
}

/** What is under way, by name. Money that came may be taken back for 13 months; that is for a person to wait for. */
const NEEDS = [
  ['open payments', `select from payment where connection_id = $1 and state in ('created', 'pending', 'authorized')`],
  [
    'refunds under way',
    `select from refund r join payment p on p.id = r.payment_id where p.connection_id = $1 and r.state in ('requested', 'pending')`,
  ],
  [
    'calls without an answer',
    `select from payment_attempt a join payment p on p.id = a.payment_id where p.connection_id = $1 and a.state in ('sending', 'unknown')`,
  ],
  [
    'open disputes',
    `select from dispute d join payment p on p.id = d.payment_id where p.connection_id = $1 and d.state in ('inquiry', 'opened')`,
  ],
  ['mandates', `select from mandate where connection_id = $1 and state in ('pending', 'active')`],
  ['deliveries to be applied', `select from inbox where connection_id = $1 and state in ('received', 'orphan')`],
  ['payment routes', `select from payment_route where connection_id = $1`],
] as const;
