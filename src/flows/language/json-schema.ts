/**
 * The schema that editors use to complete and describe flow files (draft-07), made from the vocabulary.
 *
 * It helps while typing; the checker decides. Two things it must do for editors: `type: object` inside every `if`, because
 * `required` holds for what is not an object and an empty step would propose every key of every action; and one
 * alternative per verb, so that the right keys are offered once the verb is typed.
 */
import type { Field, Text } from '@kassaflow/plugin-sdk';
import { SUBJECT_WORDS } from './names.ts';
import type { JsonSchema } from './shape.ts';
import type { ActionWord, Vocabulary } from './vocabulary.ts';

type Draft7 = Readonly<Record<string, unknown>>;

const ref = (name: string): Draft7 => ({ $ref: `#/definitions/${name}` });
const text = (description: string, more: Draft7 = {}): Draft7 => ({ type: 'string', description, ...more });
/** Keys that both kinds of schedules take. */
const MOMENTS: Draft7 = {
  timezone: text('IANA name'),
  missed: {
    enum: ['run-once', 'skip', 'all'],
    default: 'run-once',
    description: 'What becomes of moments that passed while Kassaflow was off',
  },
};
const NAME = '^[a-z][a-zA-Z0-9_]*$';

/** The schema for `flows/*.yaml`. */
export function editorSchema(vocabulary: Vocabulary): Draft7 {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Kassaflow flow, format 1',
    type: 'object',
    properties: {
      kassaflow: { const: 1, description: 'Version of the format' },
      flow: text('The name; the file is called the same', { pattern: '^[a-z][a-z0-9-]{1,62}$' }),
      title: text('For people'),
      about: text('What it is for'),
      owner: text('Team that answers for it'),
      labels: { type: 'object', additionalProperties: { type: 'string' } },
      enabled: { type: 'boolean', default: true },
      timezone: text('IANA name, for example Europe/Amsterdam'),
      on: { anyOf: [ref('trigger'), { type: 'array', items: ref('trigger'), minItems: 1 }], description: 'What starts the flow' },
      when: ref('condition'),
      unless: ref('condition'),
      'one-per': ref('condition'),
      'if-running': { enum: ['skip', 'queue', 'replace', 'parallel'], default: 'skip' },
      'stop-on': { anyOf: [ref('stopOn'), { type: 'array', items: ref('stopOn') }] },
      vars: { type: 'object', propertyNames: { pattern: NAME } },
      retry: ref('retry'),
      timeout: ref('duration'),
      steps: ref('steps'),
      'on-failure': ref('steps'),
      tests: { type: 'array', items: ref('test') },
    },
    required: ['kassaflow', 'flow', 'on', 'steps'],
    additionalProperties: false,
    definitions: { ...values(vocabulary), ...stepDefinitions(vocabulary.actions) },
  };
}

function values({ events, triggers = [] }: Vocabulary): Draft7 {
  const event = ref('eventName');
  return {
    formula: text('= and an expression, like in a spreadsheet', { pattern: '^=' }),
    condition: text('For example  invoice.status == "paid"'),
    duration: text('30s, 5min, 12h, 3d, 2w or 2 working-days', {
      pattern: '^[1-9][0-9]* ?(s|sec|min|h|hours?|d|days?|w|weeks?|working-days?)$',
      patternErrorMessage: 'Write a duration such as 30s, 5min, 12h, 3d, 2w or 2 working-days',
    }),
    eventName: {
      type: 'string',
      anyOf: [
        { enum: [...events.keys()] },
        { pattern: '^custom\\.[a-z0-9-]+(\\.[a-z0-9-]+)*$', patternErrorMessage: 'Events of your own begin with custom.' },
      ],
    },
    subject: { enum: SUBJECT_WORDS },
    trigger: {
      anyOf: [
        event,
        object({ event, provider: text('Only from this provider'), where: ref('condition') }, ['event']),
        object({ schedule: text('every day at 02:30, every month on day 1 at 06:00, every 15min'), ...MOMENTS }, ['schedule']),
        object({ cron: text('minute hour day month weekday'), ...MOMENTS }, ['cron']),
        object(
          {
            manual: object(
              {
                title: text('On the button'),
                who: text('Team: only keys with team:… may start it', { pattern: '^[a-z][a-z0-9-]{0,39}$' }),
                inputs: {
                  type: 'object',
                  additionalProperties: object(
                    {
                      type: {
                        enum: [
                          'text',
                          'number',
                          'money',
                          'phone',
                          'email',
                          'date',
                          'yes-no',
                          'choice',
                          'customer',
                          'invoice',
                          'invoices',
                          'payment',
                          'subscription',
                        ],
                      },
                      title: text('Label'),
                      optional: { type: 'boolean' },
                      choices: { type: 'array' },
                      default: {},
                    },
                    ['type'],
                  ),
                },
              },
              ['inputs'],
            ),
          },
          ['manual'],
        ),
        ...(triggers.length > 0
          ? [
              object({ trigger: { enum: triggers.map(({ name }) => name) }, via: text('Connection'), with: { type: 'object' } }, [
                'trigger',
              ]),
            ]
          : []),
      ],
    },
    stopOn: { anyOf: [event, object({ event, same: ref('subject'), where: ref('condition') }, ['event'])] },
    retry: {
      description: 'For technical failures only; a decline is a result',
      anyOf: [
        { const: 'never' },
        object(
          {
            times: { type: 'integer', minimum: 1, maximum: 100 },
            first: ref('duration'),
            factor: { type: 'number', minimum: 1, maximum: 10 },
            longest: ref('duration'),
            every: ref('duration'),
            within: ref('duration'),
          },
          ['times'],
        ),
      ],
    },
    steps: { type: 'array', minItems: 1, items: ref('step') },
    test: object(
      {
        name: text('What it shows'),
        given: { type: 'object' },
        mocks: { type: 'object' },
        then: { type: 'array' },
        expect: { type: 'object' },
      },
      ['name', 'given', 'expect'],
    ),
  };
}

function stepDefinitions(actions: readonly ActionWord[]): Draft7 {
  const steps = ref('steps');
  const definitions: Readonly<Record<string, Draft7>> = {
    do: {
      ...step(
        'Do something',
        {
          do: { type: 'string', enum: [...new Set(actions.map(({ name }) => name))] },
          with: { type: 'object' },
          via: text('Name of a connection'),
          retry: ref('retry'),
          'on-unknown': { enum: ['resend', 'ask'], default: 'ask' },
        },
        ['do'],
      ),
      allOf: actions.map(actionRule),
    },
    wait: step('Wait for a time', { wait: { anyOf: [ref('duration'), ref('formula')] }, at: text('HH:MM') }, ['wait']),
    'wait-for': step(
      'Wait for an event',
      {
        'wait-for': { anyOf: [ref('eventName'), { type: 'array', items: ref('eventName') }] },
        where: ref('condition'),
        same: ref('subject'),
        'on-timeout': steps,
      },
      ['wait-for'],
    ),
    then: step('Do one or the other', { then: steps, else: steps }, ['then']),
    choose: step(
      'The first condition that holds wins',
      {
        choose: {
          type: 'array',
          items: { anyOf: [object({ if: ref('condition'), then: steps }, ['if', 'then']), object({ else: steps }, ['else'])] },
        },
      },
      ['choose'],
    ),
    repeat: step(
      'Repeat until it worked',
      {
        repeat: { type: ['integer', 'null'], minimum: 1, maximum: 100, description: 'How often at most; empty: until the condition holds' },
        until: ref('condition'),
        every: ref('duration'),
        steps,
        otherwise: steps,
      },
      ['repeat', 'steps'],
    ),
    'for-each': step(
      'For every item of a list',
      {
        'for-each': ref('formula'),
        as: text('Name of the item', { pattern: NAME }),
        'at-once': { type: 'integer', minimum: 1, maximum: 50, default: 1 },
        steps,
      },
      ['for-each', 'steps'],
    ),
    parallel: step(
      'Several things at once',
      {
        parallel: { type: 'object', additionalProperties: steps, propertyNames: { pattern: NAME } },
        'when-one-fails': { enum: ['finish-others', 'stop-others'] },
      },
      ['parallel'],
    ),
    set: step('Remember values as vars.<name>', { set: { type: 'object', propertyNames: { pattern: NAME } } }, ['set']),
    emit: step('Publish an event of your own', { emit: { type: 'string', pattern: '^custom\\.' }, with: { type: 'object' } }, ['emit']),
    run: step('Start another flow', { run: text('Its name'), with: { type: 'object' }, and: { enum: ['wait', 'continue'] } }, ['run']),
    ask: step(
      'Ask a colleague',
      { ask: text('The question'), who: text('Team'), choices: { type: 'array', items: { type: 'string' } }, 'on-timeout': steps },
      ['ask', 'who'],
    ),
    stop: step('End the flow', { stop: text('Reason') }, ['stop']),
    fail: step('End the flow as failed', { fail: text('Reason') }, ['fail']),
  };
  const named = Object.entries(definitions).map(([verb, definition]) => [`step_${verb}`, definition] as const);
  return { step: { oneOf: named.map(([name]) => ref(name)) }, ...Object.fromEntries(named) };
}

function step(title: string, properties: Draft7, required: readonly string[]): Draft7 {
  const steps = ref('steps');
  const common = {
    id: text('Later steps read its result as steps.<id>', { pattern: NAME }),
    name: text('Label for people'),
    if: ref('condition'),
    unless: ref('condition'),
    timeout: ref('duration'),
    'on-failure': { anyOf: [{ enum: ['stop', 'continue'] }, steps] },
    undo: steps,
  };
  return { title, ...object({ ...common, ...properties }, required) };
}

function actionRule({ name, about, input }: ActionWord): Draft7 {
  const required = input.required ?? [];
  const inputs = object(Object.fromEntries(Object.entries(input.properties).map(([key, field]) => [key, fieldSchema(field)])), required);
  return {
    if: { type: 'object', properties: { do: { const: name } }, required: ['do'] },
    then: { properties: { with: { ...inputs, description: inEnglish(about) } }, ...(required.length > 0 ? { required: ['with'] } : {}) },
  };
}

/** A field as an author may write it: a literal, a text with {{ }}, or a formula. */
function fieldSchema(field: Field): Draft7 {
  const description = inEnglish(field.description ?? field.title);
  const about = description === undefined ? {} : { description };
  if (field.format === 'money')
    return {
      ...about,
      anyOf: [
        { type: 'string', pattern: '^-?[0-9]+(\\.[0-9]+)? [A-Z]{3}$', patternErrorMessage: 'Write an amount and a currency: "12.50 EUR"' },
        ref('formula'),
        object({ amount: { type: 'string' }, currency: { type: 'string' } }, ['amount', 'currency']),
      ],
    };
  if (field.type === 'string')
    return { ...about, ...(field.enum ? { anyOf: [{ enum: field.enum }, ref('formula')] } : { type: ['string', 'number'] }) };
  const plain: JsonSchema & { minimum?: number; maximum?: number } = {
    type: field.type,
    ...(field.minimum === undefined ? {} : { minimum: field.minimum }),
    ...(field.maximum === undefined ? {} : { maximum: field.maximum }),
  };
  return { ...about, anyOf: [plain, ref('formula')] };
}

function object(properties: Draft7, required: readonly string[]): Draft7 {
  return { type: 'object', properties, required, additionalProperties: false };
}

function inEnglish(words: Text | undefined): string | undefined {
  return typeof words === 'object' ? words.en : words;
}
