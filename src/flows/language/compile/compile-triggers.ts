import type { CompiledTrigger } from '../compiled-flow.ts';
import { readPhrase } from '../schedule-phrase.ts';
import type { TriggerSyntax } from '../syntax.ts';
import { guessed } from '../yaml/node.ts';
import type { TextCompiler } from './text-compiler.ts';

/** What starts the flow, as the index and the clock use it. */
export function compileTrigger(trigger: TriggerSyntax, texts: TextCompiler): CompiledTrigger[] {
  switch (trigger.kind) {
    case 'event': {
      const where = texts.condition(trigger.where);
      const provider = trigger.provider && { provider: trigger.provider.text };
      return [{ kind: 'event', event: trigger.event.text, ...provider, ...(where && { where }) }];
    }
    case 'schedule':
    case 'cron': {
      const { text } = trigger.schedule;
      const cron = trigger.kind === 'cron' ? text : cronOf(text);
      if (cron === undefined) return [];
      const timeZone = trigger.timezone?.text ?? texts.timeZone;
      return [{ kind: 'schedule', text, cron, timeZone, missed: trigger.missed ?? 'run-once' }];
    }
    case 'plugin':
      return [
        {
          kind: 'plugin',
          trigger: trigger.trigger.text,
          ...(trigger.via && { via: trigger.via.text }),
          with: trigger.with ? plainObject(trigger.with) : {},
        },
      ];
    case 'manual':
      return [{ kind: 'manual', inputs: plainObject(trigger.inputs), ...(trigger.who && { who: trigger.who.text }) }];
  }
}

/** A phrase that was refused when the flow was checked starts nothing. */
function cronOf(phrase: string): string | undefined {
  const read = readPhrase(phrase);
  return 'cron' in read ? read.cron : undefined;
}

function plainObject(map: Parameters<typeof guessed>[0] & { kind: 'map' }): Readonly<Record<string, unknown>> {
  return guessed(map) as Readonly<Record<string, unknown>>; // a map guesses to an object
}
