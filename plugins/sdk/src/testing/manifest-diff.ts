/** What changed between two releases of a plugin, and what version number that asks for. */
import type { Plugin } from '../plugin.ts';
import type { Field, Schema } from '../schema.ts';

/** A plugin's public face: what flows and settings of an installation rest on. */
export interface Face {
  readonly id: string;
  readonly version: string;
  readonly hosts: readonly string[];
  readonly methods: readonly string[];
  readonly settings: Schema;
  readonly actions: Readonly<Record<string, { readonly effect: string; readonly input: Schema; readonly output: Schema }>>;
  readonly triggers: Readonly<Record<string, { readonly input: Schema; readonly output: Schema }>>;
}

const PARTS = ['payments', 'mandates', 'accounting', 'webhook'] as const;

export function faceOf(plugin: Plugin): Face {
  const methods = PARTS.flatMap((part) =>
    Object.entries(plugin[part] ?? {})
      .filter(([, value]) => typeof value === 'function')
      .map(([name]) => `${part}.${name}`),
  );
  return {
    id: plugin.id,
    version: plugin.version,
    hosts: plugin.hosts,
    methods: methods.toSorted(),
    settings: plugin.connection.settings,
    actions: Object.fromEntries((plugin.actions ?? []).map(({ name, effect, input, output }) => [name, { effect, input, output }])),
    triggers: Object.fromEntries((plugin.triggers ?? []).map(({ name, input, output }) => [name, { input, output }])),
  };
}

export type Size = 'none' | 'minor' | 'major';

/** The changes between two faces; `breaking` would stop what an installation has built on the older one. */
export function changesBetween(before: Face, now: Face): { readonly breaking: readonly string[]; readonly added: readonly string[] } {
  const breaking: string[] = [];
  const added: string[] = [];
  for (const method of before.methods) if (!now.methods.includes(method)) breaking.push(`${method} is gone`);
  for (const method of now.methods) if (!before.methods.includes(method)) added.push(`${method} is new`);
  compareTaken(before.settings, now.settings, 'settings', breaking, added);
  for (const kind of ['actions', 'triggers'] as const) {
    for (const [name, was] of Object.entries(before[kind])) {
      const is = now[kind][name];
      if (!is) {
        breaking.push(`${kind}: ${name} is gone`);
        continue;
      }
      compareTaken(was.input, is.input, `${name} input`, breaking, added);
      compareGiven(was.output, is.output, `${name} output`, breaking, added);
    }
    for (const name of Object.keys(now[kind])) if (!Object.hasOwn(before[kind], name)) added.push(`${kind}: ${name} is new`);
  }
  for (const [name, { effect }] of Object.entries(before.actions)) {
    const is = now.actions[name];
    if (is && is.effect !== effect) breaking.push(`${name} was ${effect} and is ${is.effect}`);
  }
  return { breaking, added };
}

/** Whether the step from one version to the next is at least as large as `needed`; below 1.0.0 a minor step may break. */
export function isStep(before: string, now: string, needed: Size): boolean {
  const [from, to] = [numbersOf(before), numbersOf(now)];
  if (needed === 'none') return compare(from, to) >= 0;
  const major = to[0] > from[0];
  const minor = to[0] === from[0] && to[1] > from[1];
  return needed === 'major' ? major || (from[0] === 0 && minor) : major || minor;
}

/** What people and flows give: fields may be added, but none taken away, asked for anew, or given another type. */
function compareTaken(before: Field, now: Field, place: string, breaking: string[], added: string[]): void {
  for (const name of now.required ?? []) if (!before.required?.includes(name)) breaking.push(`${place}: ${name} must be given now`);
  compareFields(before, now, place, breaking, added);
}

/** What flows read: nothing may be taken away or become optional. */
function compareGiven(before: Field, now: Field, place: string, breaking: string[], added: string[]): void {
  for (const name of before.required ?? []) if (!now.required?.includes(name)) breaking.push(`${place}: ${name} may be missing now`);
  compareFields(before, now, place, breaking, added);
}

function compareFields(before: Field, now: Field, place: string, breaking: string[], added: string[]): void {
  for (const [name, was] of Object.entries(before.properties ?? {})) {
    const is = now.properties?.[name];
    if (!is) breaking.push(`${place}: ${name} is gone`);
    else if (is.type !== was.type || is.format !== was.format) breaking.push(`${place}: ${name} is of another type`);
  }
  for (const name of Object.keys(now.properties ?? {}))
    if (!Object.hasOwn(before.properties ?? {}, name)) added.push(`${place}: ${name} is new`);
}

function numbersOf(version: string): readonly [number, number, number] {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  return [major, minor, patch];
}

function compare(from: readonly [number, number, number], to: readonly [number, number, number]): number {
  return to[0] - from[0] || to[1] - from[1] || to[2] - from[2];
}
