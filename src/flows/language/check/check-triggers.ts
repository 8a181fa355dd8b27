/** Checks what starts and stops a flow: events, schedules, conditions. */
import { Cron } from 'croner';
import { nearest } from '../../../kernel/nearest.ts';
import type { Diagnostics } from '../diagnostic.ts';
import { readPhrase, type SchedulePhrase } from '../schedule-phrase.ts';
import type { FlowSyntax, Text, TriggerSyntax } from '../syntax.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { entryOf } from '../yaml/node.ts';
import { checkEventName } from './check-event-name.ts';
import { checkWait } from './check-waits.ts';
import { checkObject } from './check-values.ts';
import { SEES_NOTHING, type TextChecker } from './text-checker.ts';
import { checkRetry, checkUnique } from './verb-rules.ts';

/** Croner looks for the next moment from here on: the result may not depend on today. */
const ANY_DAY = new Date('2026-01-01T00:00:00Z');

export function checkTriggers(flow: FlowSyntax, vocabulary: Vocabulary, texts: TextChecker): void {
  const { diagnostics } = texts;
  for (const trigger of flow.triggers) checkTrigger(trigger, vocabulary, texts);
  texts.condition(flow.when, SEES_NOTHING);
  texts.condition(flow.unless, SEES_NOTHING);
  if (flow.retry) checkRetry(flow.retry, diagnostics);
  if (flow.onePer) texts.expression(flow.onePer, SEES_NOTHING);
  for (const { event, ...rest } of flow.stopOn) checkWait({ events: [event], ...rest }, flow.onePer, SEES_NOTHING, vocabulary, texts);
}

function checkTrigger(trigger: TriggerSyntax, vocabulary: Vocabulary, texts: TextChecker): void {
  const { diagnostics } = texts;
  switch (trigger.kind) {
    case 'event':
      checkEventName(trigger.event, vocabulary, diagnostics);
      return void texts.condition(trigger.where, SEES_NOTHING);
    case 'schedule':
      return checkPhrase(trigger.schedule, diagnostics);
    case 'cron':
      return checkCron(trigger.schedule, diagnostics);
    case 'manual':
      return checkInputs(trigger, diagnostics);
    case 'plugin': {
      const known = vocabulary.triggers ?? [];
      const word = known.find(({ name }) => name === trigger.trigger.text);
      if (word) return trigger.with && checkObject(trigger.with, word.input, word.name, SEES_NOTHING, texts);
      const near = nearest(
        trigger.trigger.text,
        known.map(({ name }) => name),
      );
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

/** A choice needs something to choose from. */
function checkInputs({ inputs }: Extract<TriggerSyntax, { kind: 'manual' }>, diagnostics: Diagnostics): void {
  for (const { key, keySpan, value } of inputs.entries) {
    if (value.kind !== 'map') continue;
    const [type, choices] = [entryOf(value, 'type')?.value, entryOf(value, 'choices')];
    if (type?.kind === 'scalar' && type.text === 'choice' && !choices)
      diagnostics.report('flow.missing-key', keySpan, { owner: `The input ${key}`, name: 'choices' }, 'add  choices: [one, other]');
    if (choices?.value.kind === 'list')
      checkUnique(
        choices.value.items.filter((item) => item.kind === 'scalar'),
        diagnostics,
      );
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
