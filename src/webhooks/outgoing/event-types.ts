/** Which events an endpoint gets: a list of names, in which `payment.*` stands for all that begin so. An empty list is all. */
import { catalogue, isCustomType } from '../../events/catalogue/catalogue.ts';
import { nearest } from '../../kernel/nearest.ts';
import { endpointErrors } from './outgoing-errors.ts';

/** Tells whether an endpoint that has `wanted` gets events of `type`. */
export function wants(wanted: readonly string[], type: string): boolean {
  return wanted.length === 0 || wanted.some((one) => one === type || (one.endsWith('.*') && type.startsWith(one.slice(0, -1))));
}

/** @throws webhook-endpoint.unknown-type, with a pointer to each that there is not */
export function checkTypes(wanted: readonly string[]): void {
  const wrong = wanted.flatMap((found, index) => (isKnown(found) ? [] : [{ found, index }]));
  const [first] = wrong;
  if (!first) return;
  throw endpointErrors['unknown-type']({ found: first.found }).with(
    wrong.map(({ found, index }) => {
      const near = nearest(found, catalogue.keys());
      return {
        pointer: `/types/${index}`,
        code: 'webhook-endpoint.unknown-type',
        detail: 'There is no such event type',
        ...(near !== undefined && { help: `Did you mean "${near}"?` }),
      };
    }),
  );
}

function isKnown(type: string): boolean {
  if (!type.endsWith('.*')) return catalogue.has(type) || isCustomType(type);
  const group = type.slice(0, -1);
  return group === 'custom.' || isCustomType(type.slice(0, -2)) || [...catalogue.keys()].some((name) => name.startsWith(group));
}
