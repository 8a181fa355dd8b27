/** Turns what zod found into the field problems of this API: a code, a JSON pointer, what is expected and the nearest name. */
import { z } from 'zod';
import { errorCatalogue, KassaflowError, type FieldProblem } from '../../kernel/errors.ts';
import { nearest } from '../../kernel/nearest.ts';
import { jsonPointer } from './explain-json.ts';
import { requestErrors } from './request-errors.ts';

const MOST_SHOWN = 20;

/**
 * The error for a value that `schema` refused: with one problem it has that problem's code, with several `request.invalid`;
 * all of them are in the list.
 */
export function invalidInput(issues: readonly z.core.$ZodIssue[], value: unknown, schema: z.core.$ZodType): KassaflowError {
  const problems = issues.flatMap((issue) => problemsOf(issue, value, schema)).slice(0, MOST_SHOWN);
  const [first] = problems;
  if (first?.pointer === '' && first.code === 'request.type') return requestErrors['not-an-object']({ problem: first.detail });
  const codes = new Set(problems.map(({ code }) => code));
  const spec = codes.size === 1 && first ? errorCatalogue.get(first.code) : undefined;
  if (!spec || !first) return requestErrors.invalid({ problems: problems.length }).with(problems);
  const facts = problems.length === 1 ? { field: first.pointer, problem: first.detail } : { problems: problems.length };
  return new KassaflowError(first.code, spec, facts).with(problems);
}

function problemsOf(issue: z.core.$ZodIssue, value: unknown, schema: z.core.$ZodType): FieldProblem[] {
  const at = (code: string, help?: string, path = issue.path, detail = issue.message): FieldProblem[] => [
    { pointer: jsonPointer(path), code, detail, ...(help !== undefined && { help }) },
  ];
  switch (issue.code) {
    case 'invalid_type':
      return valueAt(value, issue.path) === undefined && issue.path.length > 0
        ? at('request.required', undefined, issue.path, `A value of type ${issue.expected} is required`)
        : at('request.type');
    case 'unrecognized_keys': {
      const known = fieldsAt(schema, issue.path);
      return issue.keys.flatMap((key) =>
        at('request.unknown-field', suggestion(key, known), [...issue.path, key], 'There is no such field'),
      );
    }
    case 'invalid_value': {
      if (valueAt(value, issue.path) === undefined) return at('request.required', issue.message);
      const found = valueAt(value, issue.path);
      return at('request.choice', typeof found === 'string' ? suggestion(found, issue.values.map(String)) : undefined);
    }
    case 'invalid_union':
      return unionProblems(issue, value, schema);
    case 'invalid_key':
    case 'invalid_element':
      return issue.issues.flatMap((inner) => problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, value, schema));
    case 'too_small':
    case 'too_big':
    case 'not_multiple_of':
      return at('request.range');
    case 'invalid_format':
      return at('request.format');
    case 'custom':
      return at(codeOf(issue));
  }
}

/** Of a union, the problems of the branch that came nearest: the one with the fewest. */
function unionProblems(issue: z.core.$ZodIssueInvalidUnion, value: unknown, schema: z.core.$ZodType): FieldProblem[] {
  const nearestBranch = issue.errors.toSorted((a, b) => a.length - b.length)[0];
  if (!nearestBranch) return [{ pointer: jsonPointer(issue.path), code: 'request.choice', detail: issue.message }];
  return nearestBranch.flatMap((inner) => problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, value, schema));
}

function codeOf(issue: z.core.$ZodIssueCustom): string {
  const code: unknown = issue.params?.['code'];
  return typeof code === 'string' && errorCatalogue.has(code) ? code : 'request.format';
}

function suggestion(found: string, known: readonly string[]): string | undefined {
  const name = nearest(found.slice(0, 100), known);
  return name === undefined ? undefined : `Did you mean "${name}"?`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inside, part) => (typeof inside === 'object' && inside !== null ? Reflect.get(inside, part) : undefined),
    value,
  );
}

/** The names of the fields that the object schema at `path` has, as far as schemas can be looked into. */
function fieldsAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const found = path.reduce<z.core.$ZodType | undefined>((inside, part) => {
    const bare = inside && unwrapped(inside);
    if (bare instanceof z.ZodArray) return bare.element;
    if (bare instanceof z.ZodObject) return Reflect.get(bare.shape, part);
    if (bare instanceof z.ZodRecord) return bare.valueType;
    return undefined;
  }, schema);
  const bare = found && unwrapped(found);
  return bare instanceof z.ZodObject ? Object.keys(bare.shape) : [];
}

function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodReadonly
  ) {
    return unwrapped(schema.unwrap());
  }
  return schema instanceof z.ZodPipe ? unwrapped(schema.in) : schema;
}
