/** Checks the values of `with:` against the schema of the action that takes them. */
import type { Field } from '@kassaflow/plugin-sdk';
import { nearest } from '../../../kernel/nearest.ts';
import { kindWords } from '../expressions/kind-problems.ts';
import { fieldsOf, kindOfText, literalValue, propertyOf } from '../field-value.ts';
import { formula } from '../read/read-step.ts';
import { isEmpty, type YamlMap, type YamlNode, type YamlScalar } from '../yaml/node.ts';
import type { Sight, TextChecker } from './text-checker.ts';

/** Which CEL types fit a field. `dyn` always fits: it is looked at when the step runs. */
const FITTING: Readonly<Record<string, readonly string[]>> = {
  string: ['string', 'google.protobuf.Timestamp'],
  integer: ['int'],
  number: ['int', 'double'],
  boolean: ['bool'],
  array: ['list'],
  object: ['map', 'Money'],
};
const EXPECTED: Readonly<Record<string, string>> = {
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'names with values',
};

/** @param owner how messages call what takes the values, for example `sms.send` */
export function checkObject(map: YamlMap, schema: Field | undefined, owner: string, sight: Sight, checker: TextChecker): void {
  const fields = fieldsOf(schema);
  const open = !fields || schema?.additionalProperties === true || typeof schema?.additionalProperties === 'object';
  for (const { key, keySpan, value } of map.entries) {
    if (fields && !open && !Object.hasOwn(fields, key)) {
      const names = Object.keys(fields);
      const near = nearest(key, names);
      checker.diagnostics.report(
        'flow.unknown-input',
        keySpan,
        { action: owner, name: key, names: names.join(', ') || 'no values' },
        near === undefined ? undefined : `did you mean ${near}?`,
      );
      // Its value is still looked at: a secret or a mistyped name in it should not wait for the next run.
    }
    checkValue(value, propertyOf(schema, key), key, sight, checker);
  }
}

export function checkValue(node: YamlNode, field: Field | undefined, owner: string, sight: Sight, checker: TextChecker): void {
  const { diagnostics } = checker;
  if (node.kind === 'list') {
    if (field && field.type !== 'array')
      return diagnostics.report('flow.input-kind', node.span, { owner, expected: expectedOf(field), example: exampleOf(field, owner) });
    return node.items.forEach((item) => checkValue(item, field?.items, owner, sight, checker));
  }
  if (node.kind === 'map') {
    if (field?.format === 'money') return checkMoneyMap(node, owner, sight, checker);
    if (field && field.type !== 'object')
      return diagnostics.report('flow.input-kind', node.span, { owner, expected: expectedOf(field), example: exampleOf(field, owner) });
    return checkObject(node, field, owner, sight, checker);
  }
  if (!diagnostics.has(node.span)) checkScalar(node, field, owner, sight, checker);
}

function checkScalar(node: YamlScalar, field: Field | undefined, owner: string, sight: Sight, checker: TextChecker): void {
  const { diagnostics } = checker;
  const expression = formula(node);
  if (expression) {
    const type = checker.expression(expression, sight);
    if (type !== undefined && field && !fits(type, field))
      diagnostics.report('flow.input-kind', node.span, {
        owner,
        expected: `${expectedOf(field)}; this is ${kindWords(type)}`,
        example: exampleOf(field, owner),
      });
    return;
  }
  if (kindOfText(node) === 'template') {
    if (field && (field.type !== 'string' || field.format === 'money'))
      diagnostics.report('flow.input-kind', node.span, {
        owner,
        expected: expectedOf(field),
        example: `${owner}: =…  (a formula keeps its kind; a text is always a text)`,
      });
    return checker.template(node, sight, owner === 'html');
  }
  if (isEmpty(node) && field && !node.quoted)
    return diagnostics.report('flow.input-kind', node.span[1] > node.span[0] ? node.span : [node.at - 1, node.at], {
      owner,
      expected: expectedOf(field),
      example: exampleOf(field, owner),
    });
  literalValue(node, field, owner, (code, span, facts, help) => diagnostics.report(code, span, facts, help));
}

function checkMoneyMap(node: YamlMap, owner: string, sight: Sight, checker: TextChecker): void {
  const schema: Field = { type: 'object', properties: { amount: { type: 'string' }, currency: { type: 'string' } } };
  checkObject(node, schema, owner, sight, checker);
  if (node.entries.length !== 2) checker.diagnostics.report('flow.money', node.span);
}

function fits(type: string, field: Field): boolean {
  if (type === 'dyn') return true;
  if (field.format === 'money') return type === 'Money' || type.startsWith('map');
  return (FITTING[field.type] ?? []).some(
    (fitting) => type === fitting || type.startsWith(`${fitting}<`) || (fitting === 'map' && !/^[a-z]/.test(type)),
  );
}

function expectedOf(field: Field): string {
  return field.format === 'money' ? 'an amount of money' : (EXPECTED[field.type] ?? 'a value');
}

function exampleOf(field: Field, owner: string): string {
  if (field.format === 'money') return `${owner}: "12.50 EUR"`;
  return {
    string: `${owner}: "…"`,
    integer: `${owner}: 1`,
    number: `${owner}: 1.5`,
    boolean: `${owner}: true`,
    array: `${owner}: [ … ]`,
    object: `${owner}: { name: value }`,
  }[field.type];
}
