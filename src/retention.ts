/** What is kept for how long: the one list, for the application and for the command line. */
import { checkoutRetention, requestRetention } from './domain/checkout/checkout-retention.ts';
import { EVENT_TABLE, eventRetention } from './events/event-retention.ts';
import { streamTokenRetention } from './platform/auth/stream-token-retention.ts';
import type { Config } from './platform/config/config.ts';
import { answersTask } from './platform/housekeeping/answers-task.ts';
import type { PartitionedTable } from './platform/housekeeping/partitions.ts';
import { partitionsTask } from './platform/housekeeping/partitions-task.ts';
import type { HousekeepingTask } from './platform/housekeeping/task.ts';
import { EVENTS_OF_RUNS } from './runs/retention/events-of-runs.ts';
import { bulkJobRetention, taskRetention } from './runs/retention/people-retention.ts';
import { runRetention } from './runs/retention/run-retention.ts';
import { JOURNAL_TABLE, RUN_TABLE } from './runs/retention/run-tables.ts';
import { inboxRetention } from './webhooks/inbox-retention.ts';
import { deliveryRetention } from './webhooks/outgoing/delivery-retention.ts';

/** The tables that are cut by time. */
export const PARTITIONED_TABLES: readonly PartitionedTable[] = [RUN_TABLE, JOURNAL_TABLE, EVENT_TABLE];

/**
 * All tasks of housekeeping. Runs come before events, because events stay while a run has them. Books, payments, receipts, invoices,
 * credits, customers and the audit are in none of them: they are kept for as long as the law wants, and go on the word of a person.
 */
export function housekeepingTasks({
  keepRunsDays,
  keepEventsDays,
  keepWebhooksDays,
  keepCheckoutsDays,
}: Retention): readonly HousekeepingTask[] {
  return [
    partitionsTask(PARTITIONED_TABLES),
    runRetention(keepRunsDays),
    bulkJobRetention(keepRunsDays),
    taskRetention(keepRunsDays),
    eventRetention(keepEventsDays, EVENTS_OF_RUNS),
    inboxRetention(keepWebhooksDays),
    deliveryRetention(keepWebhooksDays),
    checkoutRetention(keepCheckoutsDays),
    requestRetention(keepCheckoutsDays),
    answersTask(),
    streamTokenRetention(),
  ];
}

/** The settings that say so. */
export type Retention = Pick<Config, 'keepRunsDays' | 'keepEventsDays' | 'keepWebhooksDays' | 'keepCheckoutsDays'>;
