import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { findPlugins } from '../plugin-host/find-plugins.ts';

/** The body of a request of our own API, which checks it. */
const body = z.record(z.string(), z.unknown());
const schema = z.strictObject({
  tenant: z.strictObject({ slug: z.string(), name: z.string() }),
  /** `{random}` in a setting becomes 32 random characters, so that no installation shares a secret with another. */
  connections: z.array(body),
  creditPackages: z.array(z.looseObject({ name: z.string() })),
  customers: z.array(
    z.strictObject({
      customer: z.looseObject({ reference: z.string(), name: z.string() }),
      invoices: z.array(body).default([]),
      /** Names of credit packages that the customer has ordered and not yet paid. */
      orders: z.array(z.string()).default([]),
    }),
  ),
});

/** What a demo begins with. */
export type DemoData = z.infer<typeof schema>;

/** Reads the demo that a plugin brings, by `kassaflow.demo` in its `package.json`. `undefined` when none brings one. */
export function readDemoData(pluginsDirectory: string): DemoData | undefined {
  const { found } = findPlugins(pluginsDirectory, [], import.meta.url);
  for (const { folder } of found) {
    const { kassaflow } = manifestSchema.parse(JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')));
    if (kassaflow.demo !== undefined) return schema.parse(parse(readFileSync(path.join(folder, kassaflow.demo), 'utf8')));
  }
  return undefined;
}

const manifestSchema = z.object({ kassaflow: z.object({ demo: z.string().optional() }) });
