/** Values of a test as its author wrote them, read by the shape of what they stand for: `"12.50 EUR"` is money where money belongs. */
import { isRecord } from '../../kernel/record.ts';
import { isKassaflowError } from '../../kernel/errors.ts';
import { parseMoney, toWire } from '../../kernel/money.ts';
import { ANY, fieldOf, type Shape } from '../../flows/language/shape.ts';
import { guessed, isEmpty, type YamlNode } from '../../flows/language/yaml/node.ts';
import type { Data } from './flow-test.ts';

const MONEY_TEXT = /^(-?[0-9]+(?:\.[0-9]+)?) ?([A-Z]{3})$/;

/** The value of `node`; what is of another kind than `shape` says stays as YAML has it, for whoever checks the whole. */
export function valueByShape(node: YamlNode, shape: Shape): unknown {
  if (node.kind === 'map')
    return Object.fromEntries(node.entries.map(({ key, value }) => [key, valueByShape(value, fieldOf(shape, key) ?? ANY)]));
  if (node.kind === 'list') return node.items.map((item) => valueByShape(item, shape.kind === 'list' ? shape.items : ANY));
  switch (shape.kind) {
    case 'string':
    case 'instant':
      return isEmpty(node) ? '' : node.text;
    case 'money':
      return moneyOf(node.text);
    default:
      return guessed(node);
  }
}

/** `over` laid over `under`: maps name by name, everything else as a whole. */
export function merged(under: unknown, over: unknown): unknown {
  if (!isRecord(under) || !isRecord(over)) return over;
  const result: Record<string, unknown> = { ...under };
  for (const [name, value] of Object.entries(over)) result[name] = name in under ? merged(under[name], value) : value;
  return result;
}

/** As {@link merged}, for two maps. */
export function mergedData(under: Data, over: Data): Data {
  return merged(under, over) as Data; // two maps give a map
}

function moneyOf(text: string): unknown {
  const [, amount, currency] = MONEY_TEXT.exec(text) ?? [];
  if (amount === undefined) return text;
  try {
    return toWire(parseMoney({ amount, currency }));
  } catch (error) {
    if (isKassaflowError(error)) return text;
    throw error;
  }
}
