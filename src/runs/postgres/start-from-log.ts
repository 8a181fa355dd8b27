import type { EventBatch, EventSubscriber } from '../../events/event-subscriber.ts';
import type { PostgresEngine } from './engine.ts';

/**
 * Starts the runs of events that were recorded without them: those of the domain, and those whose flows read more than the
 * event. The runs and the cursor are one commit; when the cursor has moved meanwhile, another process has started them.
 */
export class StartFromLog implements EventSubscriber {
  readonly name = 'runs';
  readonly unroutedOnly = true;
  readonly advancesCursorItself = true;

  constructor(private readonly engine: PostgresEngine) {}

  async handle({ events, after, upTo }: EventBatch): Promise<void> {
    await this.engine.startFromLog(events, { subscriber: this.name, after, upTo });
  }
}
