import { describe, expect, test } from '@jest/globals';
import { catalogue, definitionOf, eventSchemas, findEvent, isCustomType } from './catalogue.ts';
import { paymentExample } from './examples.ts';

describe('the event catalogue', () => {
  test.each([...catalogue.values()].map((definition) => [definition.type, definition] as const))(
    '%s has an example that fits its schema',
    (_, definition) => {
      expect(definition.data.parse(definition.example)).toEqual(definition.example);
      expect(definition.summary).toMatch(/^[A-Z].*\.$/);
    },
  );

  test('every schema can be written as JSON Schema and refuses keys that it does not name', () => {
    const schemas = eventSchemas();
    expect([...schemas.keys()]).toEqual([...catalogue.keys()]);
    for (const schema of schemas.values()) expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
  });

  test('shared shapes are known by their name in every schema', () => {
    expect(eventSchemas().get('payment.completed')).toMatchObject({
      properties: { payment: { $ref: '#/$defs/Payment' } },
      $defs: { Money: { type: 'object' } },
    });
  });

  test('names are past facts about one thing, each of a known shape', () => {
    for (const type of catalogue.keys()) expect(type).toMatch(/^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*$/);
  });

  test('a misspelled type is answered with the nearest there is', () => {
    expect(() => definitionOf('payment.complete')).toThrow(
      expect.objectContaining({ code: 'events.unknown-type', facts: expect.objectContaining({ didYouMean: 'payment.completed' }) }),
    );
  });

  test.each(['custom.report', 'custom.report.requested', 'custom.a-b.c2'])('%s is a type of the tenant', (type) => {
    expect(findEvent(type)).toMatchObject({ type, portal: true });
  });

  test.each(['custom', 'custom.', 'custom.Report', 'custom.a_b', 'custom..a', 'custom.-a', 'payment.custom', `custom.${'a'.repeat(130)}`])(
    '%s is not',
    (type) => {
      expect(isCustomType(type)).toBe(false);
      expect(findEvent(type)).toBeUndefined();
    },
  );

  test('portals may send usage and events of their own, and nothing that would claim money', () => {
    expect([...catalogue.values()].filter(({ portal }) => portal).map(({ type }) => type)).toEqual(['usage.recorded']);
  });

  test('a payload with an entity or a secret in a field of its own is refused', () => {
    const { data } = definitionOf('payment.completed');
    expect(data.safeParse({ payment: { ...paymentExample, secret: 'x' } }).success).toBe(false);
  });
});
