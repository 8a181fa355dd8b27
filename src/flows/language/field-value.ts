/** A literal of the file read by the schema of the field it is for: `phone: 0612345678` keeps its zero because it is a text. */
import type { Field } from '@kassaflow/plugin-sdk';
import { isKassaflowError } from '../../kernel/errors.ts';
import { parseMoney, toWire } from '../../kernel/money.ts';
import type { DiagnosticCode } from './diagnostics.ts';
import type { Facts, Span } from './diagnostic.ts';
import { guessed, type YamlScalar } from './yaml/node.ts';

/** How a text is to be understood. */
export type ValueKind = 'formula' | 'template' | 'literal';

export function kindOfText({ text }: Pick<YamlScalar, 'text'>): ValueKind {
  return text.startsWith('=') ? 'formula' : text.includes('{{') ? 'template' : 'literal';
}

export type LiteralProblem = (code: DiagnosticCode, span: Span, facts: Facts, help?: string) => void;

const MONEY_TEXT = /^(-?[0-9]+(?:\.[0-9]+)?) ?([A-Z]{3})$/;

/**
 * The value of a literal scalar for `field`, or `undefined` after `problem` was told why not.
 * @param field absent where nothing is known about the value
 */
export function literalValue(node: YamlScalar, field: Field | undefined, owner: string, problem: LiteralProblem): unknown {
  const { text, span, quoted } = node;
  if (!field) return untyped(node, problem);
  if (field.format === 'money') return moneyValue(node, owner, problem);
  switch (field.type) {
    case 'string':
      if (field.enum && !field.enum.includes(text)) problem('flow.value', span, { owner, found: text, names: field.enum.join(', ') });
      if (field.maxLength !== undefined && text.length > field.maxLength)
        problem('flow.input-kind', span, { owner, expected: `at most ${field.maxLength} characters`, example: 'a shorter text' });
      return text;
    case 'integer':
    case 'number':
      return numberValue(node, field, owner, problem);
    case 'boolean':
      if (!quoted && (text === 'true' || text === 'false')) return text === 'true';
      problem('flow.input-kind', span, { owner, expected: 'true or false', example: `${owner}: true` });
      return undefined;
    default:
      problem('flow.input-kind', span, {
        owner,
        expected: field.type === 'array' ? 'a list' : 'names with values',
        example: field.type === 'array' ? `${owner}: [ … ]  or  ${owner}: =steps.<id>.<list>` : `${owner}: { name: value }`,
      });
      return undefined;
  }
}

function untyped(node: YamlScalar, problem: LiteralProblem): unknown {
  const { text, span, quoted } = node;
  if (!quoted && /^[0+][0-9]+$/.test(text)) problem('flow.leading-zero', span, { found: text });
  const value = guessed(node);
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value))
    problem('flow.number-unsafe', span, { found: text });
  return value;
}

function numberValue({ text, span, quoted }: YamlScalar, field: Field, owner: string, problem: LiteralProblem): number | undefined {
  const whole = field.type === 'integer';
  const least = field.minimum ?? 1;
  if (quoted || !/^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/.test(text) || (whole && text.includes('.'))) {
    problem('flow.input-kind', span, { owner, expected: whole ? 'a whole number' : 'a number', example: `${owner}: ${least}` });
    return undefined;
  }
  const value = Number(text);
  if (whole && !Number.isSafeInteger(value)) problem('flow.number-unsafe', span, { found: text });
  else if (value < (field.minimum ?? -Infinity) || value > (field.maximum ?? Infinity))
    problem('flow.range', span, { owner, least: field.minimum ?? 'any', most: field.maximum ?? 'any' });
  else return value;
  return undefined;
}

function moneyValue({ text, span }: YamlScalar, owner: string, problem: LiteralProblem): unknown {
  const [, amount, currency] = MONEY_TEXT.exec(text) ?? [];
  try {
    if (amount !== undefined) return toWire(parseMoney({ amount, currency }));
    problem(
      'flow.money',
      span,
      {},
      `write  ${owner}: "${/^[0-9]+([.,][0-9]+)?$/.test(text) ? `${text.replace(',', '.')} EUR` : '12.50 EUR'}"`,
    );
  } catch (error) {
    if (!isKassaflowError(error)) throw error;
    problem('flow.money', span, {}, `${error.spec.title.replace(/\.$/, '')}: write for example  ${owner}: "12.50 EUR"`);
  }
  return undefined;
}

/** The fields of a schema that are objects; nothing for any other. */
export function fieldsOf(field: Field | undefined): Readonly<Record<string, Field>> | undefined {
  return field?.type === 'object' ? field.properties : undefined;
}

/** The schema of a property, also where any name is accepted. */
export function propertyOf(field: Field | undefined, name: string): Field | undefined {
  const property = field?.properties && Object.hasOwn(field.properties, name) ? field.properties[name] : undefined;
  return property ?? (typeof field?.additionalProperties === 'object' ? field.additionalProperties : undefined);
}
