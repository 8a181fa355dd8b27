import { describe, expect, test } from '@jest/globals';
import { sourceFiles, type SourceFile } from './source-files.ts';

const BELOW_THE_ROOT = ['kernel', 'platform', 'events', 'plugin-host', 'guards', 'flows', 'runs', 'domain', 'webhooks'];

/** What each part of `src/` may import besides itself; docs/decisions/0002-the-house.md says why. `root` is the files of `src/` itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  platform: ['kernel'],
  events: ['kernel', 'platform'],
  'plugin-host': ['kernel', 'platform'],
  guards: ['kernel', 'platform', 'events', 'plugin-host'],
  flows: ['kernel', 'platform', 'events', 'plugin-host'],
  runs: ['kernel', 'platform', 'events', 'plugin-host', 'guards', 'flows'],
  domain: ['kernel', 'platform', 'events', 'plugin-host'],
  webhooks: ['kernel', 'platform', 'events', 'plugin-host', 'domain'],
  client: ['kernel', 'platform'],
  demo: [...BELOW_THE_ROOT, 'client'],
  cli: [...BELOW_THE_ROOT, 'client', 'demo', 'root'],
  root: [...BELOW_THE_ROOT, 'client', 'demo', 'cli'],
};

/** The modules of the domain: one may import those to its left, through their `index.ts`. */
const DOMAIN = [
  'ledger',
  'customers',
  'invoices',
  'dunning',
  'payments',
  'settlements',
  'credits',
  'orders',
  'checkout',
  'receipts',
  'subscriptions',
  'accounting',
  'reconciliation',
];

const files = sourceFiles(['src']);
const part = (path: string) => (path.split('/').length === 2 ? 'root' : (path.split('/')[1] ?? ''));

describe('imports', () => {
  test('follow the rank of the house', () => {
    const broken = edges(files).filter(
      ({ from, to }) => to.startsWith('src/') && part(from) !== part(to) && !MAY_IMPORT[part(from)]?.includes(part(to)),
    );
    expect(broken.map(show)).toEqual([]);
  });

  test('inside the domain go to the left, and through the public face of a module', () => {
    const module = (path: string) => (path.startsWith('src/domain/') && path.split('/').length > 3 ? path.split('/')[2] : undefined);
    const broken = edges(files).filter(({ from, to }) => {
      const [importer, imported] = [module(from), module(to)];
      if (!importer || !imported || importer === imported) return false;
      return !to.endsWith(`/${imported}/index.ts`) || DOMAIN.indexOf(imported) > DOMAIN.indexOf(importer);
    });
    expect(broken.map(show)).toEqual([]);
  });

  test('form no cycle', () => {
    expect(findCycle(files)).toEqual([]);
  });

  test('leave the vocabulary and the flow language free of the platform', () => {
    const pure = files.filter(({ path }) => path.startsWith('src/kernel/') || path.startsWith('src/flows/language/'));
    expect(pure.length).toBeGreaterThan(0);
    const broken = edges(pure).filter(({ to, typeOnly }) => !typeOnly && /^(node:|@nestjs|@mikro-orm|pg$|rxjs)/.test(to));
    expect(broken.map(show)).toEqual([]);
  });

  test('reach the database driver only where SQL is at home', () => {
    const allowed = ['src/platform/', 'src/events/', 'src/runs/postgres/'];
    const broken = edges(files).filter(({ from, to }) => to === 'pg' && !allowed.some((folder) => from.startsWith(folder)));
    expect(broken.map(show)).toEqual([]);
  });

  test('use no barrel but the public faces', () => {
    const barrels = files
      .map(({ path }) => path)
      .filter((path) => path.endsWith('/index.ts') && !/^src\/domain\/[^/]+\/index\.ts$/.test(path));
    expect(barrels).toEqual([]);
  });

  test('of a plugin reach the SDK, its own files and packages, never the core or another plugin', () => {
    const broken = edges(sourceFiles(['plugins'])).filter(({ from, to }) => {
      const own = from.split('/').slice(0, 2).join('/');
      return (
        to.startsWith('src/') ||
        (to.startsWith('plugins/') && !to.startsWith(`${own}/`)) ||
        (to.startsWith('@kassaflow/') && to !== '@kassaflow/plugin-sdk' && !(to === '@kassaflow/plugin-sdk/testing' && isForTests(from)))
      );
    });
    expect(broken.map(show)).toEqual([]);
  });
});

/** What the conformance kit is given about a plugin; it is never part of what is shipped. */
const isForTests = (path: string) => /^plugins\/[^/]+\/test\//.test(path);

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function edges(of: readonly SourceFile[]): Edge[] {
  return of.flatMap(({ path, imports }) => imports.map(({ target, typeOnly }) => ({ from: path, to: target, typeOnly })));
}

function show({ from, to }: Edge): string {
  return `${from} imports ${to}`;
}

/** The first import cycle found, as a list of paths; empty when there is none. Types count: a cycle of types is one to a reader. */
function findCycle(of: readonly SourceFile[]): string[] {
  const graph = new Map(of.map(({ path, imports }) => [path, imports.map(({ target }) => target)]));
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return [];
    for (const next of graph.get(path) ?? []) {
      if (!graph.has(next)) continue;
      const cycle = visit(next, [...trail, path]);
      if (cycle.length > 0) return cycle;
    }
    done.add(path);
    return [];
  };
  for (const path of graph.keys()) {
    const cycle = visit(path, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}
