/** The payloads of the events of a test, held against the event catalogue. */
import type { Field } from '@kassaflow/plugin-sdk';
import { findEvent } from '../../events/catalogue/catalogue.ts';
import { ANY, shapeOf, type JsonSchema, type Shape } from '../../flows/language/shape.ts';
import type { Vocabulary } from '../../flows/language/vocabulary.ts';
import type { Data } from './flow-test.ts';

/** What the payload of an event looks like; anything, for a type that nobody declares. */
export function payloadShape(type: string, { events }: Vocabulary): Shape {
  const schema = events.get(type);
  return schema ? cachedShape(schema) : ANY;
}

/** What a subject looks like; `undefined` when there is none of this name. */
export function subjectShape(name: string, { subjects }: Vocabulary): Shape | undefined {
  const schema = Object.hasOwn(subjects, name) ? subjects[name] : undefined;
  return schema && cachedShape(schema);
}

/** The shape of an output or input of an action. */
export function fieldShape(field: Field): Shape {
  return cachedShape(field as JsonSchema); // a Field is a JSON Schema
}

/** What keeps `payload` from being one of `type`: a sentence with its place in the payload. */
export function payloadProblem(type: string, payload: Data): string | undefined {
  const [issue] = findEvent(type)?.data.safeParse(payload).error?.issues ?? [];
  if (!issue) return undefined;
  const at = issue.path.map(String).join('.');
  return `${at === '' ? type : at}: ${issue.message}`;
}

function cachedShape(schema: JsonSchema): Shape {
  const shape = shapes.get(schema) ?? shapeOf(schema);
  shapes.set(schema, shape);
  return shape;
}

const shapes = new WeakMap<JsonSchema, Shape>();
