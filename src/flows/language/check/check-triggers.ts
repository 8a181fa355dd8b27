/** Checks what starts and stops a flow: events, schedules, conditions. */
import { Cron } from 'croner';
import { nearest } from '../../../kernel/nearest.ts';
import type { Diagnostics } from '../diagnostic.ts';
import { readPhrase, type SchedulePhrase } from '../schedule-phrase.ts';
import { ANY } from '../shape.ts';
import type { FlowSyntax, Text, TriggerSyntax } from '../syntax.ts';
import { CUSTOM_EVENT, type Vocabulary } from '../vocabulary.ts';
import { SEES_NOTHING, TextChecker } from './text-checker.ts';

/** Croner looks for the next moment from here on: the result may not depend on today. */
const ANY_DAY = new Date('2026-01-01T00:00:00Z');

export function checkTriggers(flow: FlowSyntax, vocabulary: Vocabulary, texts: TextChecker): void {
  const { diagnostics } = texts;
  for (const trigger of flow.triggers) checkTrigger(trigger, vocabulary, texts);
  texts.condition(flow.when, SEES_NOTHING);
  texts.condition(flow.unless, SEES_NOTHING);
  if (flow.onePer) texts.expression(flow.onePer, SEES_NOTHING);
  const anyEvent = new TextChecker({ ...texts.shapes, event: ANY }, diagnostics);
  for (const { event, where, same } of flow.stopOn) {
    checkEventName(event, vocabulary, diagnostics);
    anyEvent.condition(where, SEES_NOTHING);
    if (!where && !same && !flow.onePer) diagnostics.report('flow.correlation', event.span, { name: event.text });
  }
}

/** Reports an event that is neither in the catalogue nor an author's own. */
export function checkEventName(event: Text, { events }: Vocabulary, diagnostics: Diagnostics): void {
  if (events.has(event.text) || CUSTOM_EVENT.test(event.text)) return;
  const near = nearest(event.text, events.keys());
  diagnostics.report('flow.unknown-event', event.span, { name: event.text }, near === undefined ? undefined : `did you mean ${near}?`);
}

function checkTrigger(trigger: TriggerSyntax, vocabulary: Vocabulary, texts: TextChecker): void {
  const { diagnostics } = texts;
  switch (trigger.kind) {
    case 'event':
      checkEventName(trigger.event, vocabulary, diagnostics);
      return texts.condition(trigger.where, SEES_NOTHING);
    case 'schedule':
      return checkPhrase(trigger.schedule, diagnostics);
    case 'cron':
      return checkCron(trigger.schedule, diagnostics);
    case 'manual':
      return undefined;
    case 'plugin': {
      if (vocabulary.triggers?.includes(trigger.trigger.text)) return undefined;
      const near = nearest(trigger.trigger.text, vocabulary.triggers ?? []);
      return diagnostics.report(
        'flow.unknown-trigger',
        trigger.trigger.span,
        { name: trigger.trigger.text },
        near === undefined ? undefined : `did you mean ${near}?`,
      );
    }
  }
}

function checkPhrase({ text, span }: Text, diagnostics: Diagnostics): void {
  const phrase = readPhrase(text);
  if ('cron' in phrase) return;
  const help = phraseHelp(phrase, text);
  diagnostics.report('flow.schedule', span, { found: text }, help);
}

function phraseHelp(phrase: Exclude<SchedulePhrase, { cron: string }>, text: string): string | undefined {
  switch (phrase.problem) {
    case 'uneven':
      return phrase.unit === 'min'
        ? `an hour must come out even: ${phrase.even.join(', ')} min, or a number of hours`
        : `a day must come out even: ${phrase.even.join(', ')} h, or every day`;
    case 'at':
      return `leave out "at": ${text.replace(/ at .*$/, '')}`;
    case 'form':
      return undefined;
  }
}

function checkCron({ text, span }: Text, diagnostics: Diagnostics): void {
  try {
    if (new Cron(text, { paused: true, mode: '5-part', timezone: 'UTC' }).nextRun(ANY_DAY)) return;
    diagnostics.report('flow.cron', span, { found: text, problem: 'this moment never comes' });
  } catch (error) {
    const problem = (error instanceof Error ? error.message : '').replace(/^CronPattern: /, '').replace(/\.$/, '');
    diagnostics.report('flow.cron', span, {
      found: text,
      problem: /exactly 5 parts/.test(problem) ? 'it has another number of fields than five' : problem.toLowerCase() || 'it cannot be read',
    });
  }
}
