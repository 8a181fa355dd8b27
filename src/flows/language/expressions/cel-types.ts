/** Shapes as types of the CEL environment. */
import type { Environment } from '@marcbachmann/cel-js';
import type { Shape } from '../shape.ts';
import type { RootShapes } from './expression.ts';

const environments = new WeakMap<object, WeakMap<object, Environment>>();

/** Types are costly to make: those of the subjects and of one event are the same for all flows of a vocabulary. */
export function environmentOf(roots: RootShapes, key: readonly [object, object], make: () => Environment): Environment {
  const inner = environments.get(key[0]) ?? new WeakMap<object, Environment>();
  environments.set(key[0], inner);
  const known = inner.get(key[1]);
  if (known) return known;
  const made = make();
  for (const [name, shape] of Object.entries(roots)) registerRoot(name, shape, made);
  inner.set(key[1], made);
  return made;
}

/** Nothing else can be written in an expression; the library makes names of types from these and reads them again. */
const NAMEABLE = /^[A-Za-z_][\w-]*$/;

/** Makes a variable of a root. One that is there already stays: the name of a loop's element may hide it, which is reported elsewhere. */
export function registerRoot(name: string, shape: Shape | undefined, environment: Environment): void {
  if (!shape || environment.hasVariable(name) || !NAMEABLE.test(name)) return;
  const type = celType(shape, environment);
  environment.registerVariable({ name, ...(typeof type === 'string' ? { type } : { schema: type }) });
}

type CelType = string | { [field: string]: CelType };

function celType(shape: Shape, environment: Environment): CelType {
  switch (shape.kind) {
    case 'string':
      return 'string';
    case 'int':
      return 'int';
    case 'number':
      return 'double';
    case 'bool':
      return 'bool';
    case 'money':
      return 'Money';
    case 'instant':
      return 'google.protobuf.Timestamp';
    case 'any':
      return 'dyn';
    case 'list':
      return `list<${named(shape.items, environment)}>`;
    case 'map':
      return `map<string, ${named(shape.values, environment)}>`;
    case 'object':
      return Object.keys(shape.fields).length === 0
        ? 'dyn'
        : Object.fromEntries(
            Object.entries(shape.fields)
              .filter(([name]) => NAMEABLE.test(name))
              .map(([name, field]) => [name, celType(field, environment)]),
          );
  }
}

/** Numbers the groups, whose names must differ within an environment and those that it was made from. */
let groups = 0;

/** Lists of objects need a type with a name. */
function named(shape: Shape, environment: Environment): string {
  const type = celType(shape, environment);
  if (typeof type === 'string') return type;
  groups += 1;
  const name = `Group${groups}`;
  environment.registerType({ name, schema: type });
  return name;
}
