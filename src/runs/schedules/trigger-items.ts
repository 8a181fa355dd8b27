import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { TriggerItem } from '@kassaflow/plugin-sdk';
import { EventIntake, type IncomingEvent } from '../../events/event-intake.ts';
import { FIRED } from '../../flows/flow-routes.ts';
import { PublishedFlows } from '../../flows/published-flows.ts';
import { TriggerIndex } from '../../flows/trigger-index.ts';
import { idOf } from '../../kernel/ids.ts';

/** Where items come from: a trigger with its connection and settings. */
export interface ItemSource {
  readonly tenantId: string;
  readonly source: string;
  readonly trigger: string;
  /** `uuid` */
  readonly connectionId: string;
}

type Value = Readonly<Record<string, unknown>>;

export const TRIGGERS_SOURCE = '/kassaflow/triggers';

const AT_ONCE = 50;

/** Makes an event of each item of a plugin's trigger, once for each id. */
@Injectable()
export class TriggerItems {
  constructor(
    private readonly intake: EventIntake,
    private readonly flows: PublishedFlows,
    private readonly index: TriggerIndex,
  ) {}

  /**
   * Resolves when all are on disk, with the runs that they start. Items that were given before change nothing.
   * @throws events.overloaded, events.unavailable: some may be on disk; give all of them again
   */
  async fire(source: ItemSource, items: readonly TriggerItem<Value>[], now: Date): Promise<void> {
    const events = items.map((item) => eventOf(source, item, now));
    const [first] = events;
    // A flow that was published a moment ago may not be in this process's index yet, and the event would start nothing.
    if (first && this.index.match(first).length === 0) await this.flows.refresh();
    for (let at = 0; at < events.length; at += AT_ONCE)
      await Promise.all(events.slice(at, at + AT_ONCE).map((event) => this.intake.accept(event)));
  }
}

function eventOf({ tenantId, source, trigger, connectionId }: ItemSource, { id, data }: TriggerItem<Value>, now: Date): IncomingEvent {
  const sourceId = `${trigger}/${source}/${id}`;
  return {
    tenantId,
    source: TRIGGERS_SOURCE,
    sourceId,
    type: FIRED,
    subject: `connection/${idOf('con', connectionId)}`,
    occurredAt: now,
    data: { trigger: { name: trigger, connection: idOf('con', connectionId), source, id }, item: data },
    // An item with the same id and other data is the same item.
    bodyHash: hash('sha256', sourceId, 'buffer'),
  };
}
