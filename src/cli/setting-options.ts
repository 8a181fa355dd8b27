/** `--set field=value`: settings of a connection on the command line, which has only texts. */
import { cliErrors } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';

/** Collects `field=value`; a field that is repeated is a list. @throws cli.usage */
export function collectSettings(pair: string, before: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const [, field = '', value = ''] = /^([A-Za-z][A-Za-z0-9.]*)=(.*)$/s.exec(pair) ?? [];
  if (field === '') throw cliErrors.usage({ option: '--set', problem: 'write field=value' });
  const earlier = before[field];
  return { ...before, [field]: earlier === undefined ? value : [earlier, value].flat() };
}

/** The plugin's settings schema says which of the texts are numbers, switches or lists. */
export async function withTypes(
  context: CommandContext,
  plugin: string,
  given: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const { items } = await context.api.get<{
    items: { id: string; manifest?: { settings?: { properties?: Record<string, { type: string }> } } }[];
  }>('/v1/plugins');
  const fields = items.find((item) => item.id === plugin)?.manifest?.settings?.properties ?? {};
  return Object.fromEntries(Object.entries(given).map(([field, value]) => [field, asType(fields[field]?.type, value)]));
}

function asType(type: string | undefined, value: unknown): unknown {
  if (type === 'array') return [value].flat();
  if (typeof value !== 'string') return value;
  if (type === 'integer' || type === 'number') return Number(value);
  if (type === 'boolean') return value === 'true';
  return value;
}
