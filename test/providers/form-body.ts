/** A decoded form: texts, lists and objects of the same. */
export type FormValue = string | readonly FormValue[] | { readonly [name: string]: FormValue };
export type Form = Readonly<Record<string, FormValue>>;

/** Decodes `a=1&b[c]=2&d[0][e]=3` as Stripe does: brackets nest, numbers in brackets make lists. */
export function readForm(text: string): Form {
  const root: Tree = new Map();
  for (const [name, value] of new URLSearchParams(text)) {
    const [first, ...rest] = name.split(/\[|\]\[|\]$/).filter((part) => part !== '');
    if (first !== undefined) put(root, [first, ...rest], value);
  }
  return Object.fromEntries([...root].map(([name, value]) => [name, finish(value)]));
}

type Tree = Map<string, Tree | string>;

function put(tree: Tree, [first, ...rest]: readonly string[], value: string): void {
  if (first === undefined) return;
  if (rest.length === 0) return void tree.set(first, value);
  const below = tree.get(first);
  const branch = below instanceof Map ? below : new Map<string, Tree | string>();
  tree.set(first, branch);
  put(branch, rest, value);
}

function finish(value: Tree | string): FormValue {
  if (typeof value === 'string') return value;
  const entries = [...value].map(([name, below]) => [name, finish(below)] as const);
  return entries.every(([name]) => /^\d+$/.test(name)) ? entries.map(([, below]) => below) : Object.fromEntries(entries);
}
