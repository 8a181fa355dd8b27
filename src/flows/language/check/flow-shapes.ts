/** The shapes of everything that a flow's expressions and texts can name. */
import type { FlowSyntax, StepSyntax, TriggerSyntax } from '../syntax.ts';
import { allSteps } from '../syntax.ts';
import { ANY, fieldOf, objectShape, shapeOf, union, type JsonSchema, type Shape } from '../shape.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { guessed, type YamlMap } from '../yaml/node.ts';
import { kindOfText } from '../field-value.ts';
import { formula } from '../read/read-step.ts';

const text: Shape = { kind: 'string' };
const int: Shape = { kind: 'int' };
const RUN = objectShape({ id: text, flow: text, url: text, event: objectShape({ id: text, type: text, time: { kind: 'instant' } }) });
const ERROR = objectShape({ step: text, message: text, code: text });

const OUTCOME = oneOf(['ok', 'declined', 'failed']);

/** Shapes by root name. Loop variables are not in it: they belong to the steps of their loop. */
export function flowShapes(flow: FlowSyntax, vocabulary: Vocabulary): Readonly<Record<string, Shape>> {
  return { ...sharedShapes(vocabulary), ...ownShapes(flow, vocabulary) };
}

/** Those that every flow sees: the same object for as long as the vocabulary's subjects are the same. */
export function sharedShapes({ subjects }: Vocabulary): Readonly<Record<string, Shape>> {
  const known = shared.get(subjects) ?? {
    ...Object.fromEntries(Object.entries(subjects).map(([name, schema]) => [name, cachedShape(schema)])),
    error: ERROR,
    attempt: int,
    run: RUN,
  };
  shared.set(subjects, known);
  return known;
}

const shared = new WeakMap<object, Readonly<Record<string, Shape>>>();

/** Those that depend on the flow: its events, its steps, its variables, its inputs. */
export function ownShapes(flow: FlowSyntax, vocabulary: Vocabulary): Readonly<Record<string, Shape>> {
  const everything = [...allSteps(flow.steps), ...allSteps(flow.onFailure)];
  return {
    event: eventShape(flow, vocabulary),
    steps: objectShape(Object.fromEntries(everything.flatMap((step) => (step.id ? [[step.id.text, resultShape(step, vocabulary)]] : [])))),
    vars: objectShape(
      Object.fromEntries([
        ...flow.vars.map(({ key, value }) => [key, shapeOfValue(guessed(value))] as const),
        ...everything.flatMap(setShapes),
      ]),
    ),
    inputs: inputsShape(flow),
  };
}

/** The payload of events that a run waits for. An author's own event may hold anything. */
export function arrivingShape(events: readonly string[], vocabulary: Vocabulary): Shape {
  if (events.length === 0) return ANY;
  return events
    .map((event) => {
      const schema = vocabulary.events.get(event);
      return schema ? cachedShape(schema) : ANY;
    })
    .reduce(union);
}

/** The shape of the elements of `list`, an expression: known when it is a plain path to a list. */
export function elementShape(list: string, roots: Readonly<Record<string, Shape>>): Shape {
  if (!/^\s*[a-zA-Z_]\w*(\.[a-zA-Z_]\w*)*\s*$/.test(list)) return ANY;
  const found = list
    .trim()
    .split('.')
    .reduce<Shape>((shape, name) => fieldOf(shape, name) ?? ANY, objectShape(roots));
  return found.kind === 'list' ? found.items : ANY;
}

/** The payload of the events that start the flow: fields of any of them. */
function eventShape(flow: FlowSyntax, vocabulary: Vocabulary): Shape {
  const shapes = flow.triggers.map((trigger) => triggerShape(trigger, vocabulary));
  return shapes.length === 0 ? ANY : shapes.reduce(union);
}

function triggerShape(trigger: TriggerSyntax, { events, triggers = [] }: Vocabulary): Shape {
  const ofEvent = (type: string): Shape => {
    const schema = events.get(type);
    return schema ? cachedShape(schema) : ANY;
  };
  switch (trigger.kind) {
    case 'event':
      return ofEvent(trigger.event.text);
    case 'schedule':
    case 'cron':
      return ofEvent('flow.scheduled');
    case 'plugin': {
      const output = triggers.find(({ name }) => name === trigger.trigger.text)?.output;
      const fired = ofEvent('trigger.fired');
      return output && fired.kind === 'object' ? objectShape({ ...fired.fields, item: cachedShape(output as JsonSchema) }) : ANY; // a Field is a JSON Schema
    }
    case 'manual':
      return objectShape({});
  }
}

/** What `steps.<id>` holds once the step is done. */
function resultShape(step: StepSyntax, vocabulary: Vocabulary): Shape {
  switch (step.verb) {
    case 'do': {
      const output = vocabulary.actions.find(({ name }) => name === step.action.text)?.output;
      const shape = output ? cachedShape(output as JsonSchema) : ANY; // a Field is a JSON Schema
      const own = { outcome: OUTCOME, code: text, message: text };
      return shape.kind === 'object' ? objectShape({ status: text, ...own, ...shape.fields }) : ANY;
    }
    case 'wait-for': {
      const events = step.events.map((event) => event.text);
      return objectShape({ event: oneOf(['', ...events]), data: arrivingShape(events, vocabulary) });
    }
    case 'ask':
      return objectShape({
        choice: oneOf(['', ...(step.choices.length > 0 ? step.choices.map((choice) => choice.text) : ['approve', 'reject'])]),
        by: text,
        note: text,
        outcome: oneOf(['answered', 'timeout']),
      });
    case 'run':
      return objectShape({ run: text, status: oneOf(['', 'completed', 'stopped']), outcome: OUTCOME });
    case 'for-each':
      return objectShape({ count: int });
    case 'repeat':
      return objectShape({ count: int });
    default:
      return ANY;
  }
}

function oneOf(values: readonly string[]): Shape {
  return { kind: 'string', values };
}

function setShapes(step: StepSyntax): (readonly [string, Shape])[] {
  if (step.verb !== 'set') return [];
  return step.values.map(({ key, value }) => {
    if (value.kind === 'scalar' && formula(value)) return [key, ANY];
    return [key, value.kind === 'scalar' && kindOfText(value) === 'template' ? text : shapeOfValue(guessed(value))];
  });
}

function shapeOfValue(value: unknown): Shape {
  switch (typeof value) {
    case 'string':
      return text;
    case 'boolean':
      return { kind: 'bool' };
    case 'number':
      return { kind: Number.isInteger(value) ? 'int' : 'number' };
    default:
      return ANY;
  }
}

function inputsShape(flow: FlowSyntax): Shape {
  const inputs: YamlMap[] = flow.triggers.flatMap((trigger) => (trigger.kind === 'manual' ? [trigger.inputs] : []));
  return objectShape(
    Object.fromEntries(
      inputs
        .flatMap(({ entries }) => entries)
        .map(({ key, value }) => {
          const type = value.kind === 'map' ? value.entries.find((entry) => entry.key === 'type')?.value : undefined;
          return [key, INPUTS[type?.kind === 'scalar' ? type.text : ''] ?? ANY];
        }),
    ),
  );
}

const INPUTS: Readonly<Record<string, Shape>> = {
  text,
  phone: text,
  email: text,
  date: text,
  choice: text,
  money: { kind: 'money' },
  'yes-no': { kind: 'bool' },
  number: ANY,
};

const shapes = new WeakMap<object, Shape>();

function cachedShape(schema: JsonSchema): Shape {
  const known = shapes.get(schema) ?? shapeOf(schema);
  shapes.set(schema, known);
  return known;
}
