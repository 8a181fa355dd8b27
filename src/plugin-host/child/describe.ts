import type { Plugin } from '@kassaflow/plugin-sdk';

/** The parts of a plugin whose methods the host may call, by the path of their property. */
const PARTS = {
  connection: ['check'],
  payments: ['create', 'fetch', 'find', 'capture', 'cancel', 'refund', 'methods', 'charge', 'settlements'],
  mandates: ['create', 'fetch', 'revoke'],
  accounting: ['post', 'find', 'reverse'],
  webhook: ['verify', 'translate', 'register', 'unregister'],
} as const;

/**
 * What a plugin is, without its code, as plain data. Nothing is checked here: the child is not trusted, so the host checks
 * what arrives (`check-manifest.ts`).
 */
export function describePlugin(plugin: Plugin): Record<string, unknown> {
  const methods = Object.entries(PARTS).flatMap(([part, names]) =>
    names.filter((name) => isMethod(read(plugin, part), name)).map((name) => `${part}.${name}`),
  );
  const parts = Object.keys(PARTS).filter((part) => read(plugin, part) !== undefined);
  return {
    id: plugin.id,
    title: plugin.title,
    about: plugin.about,
    version: plugin.version,
    api: plugin.api,
    hosts: plugin.hosts,
    network: plugin.network ?? 'gateway',
    ...(plugin.callsPerSecond === undefined ? {} : { callsPerSecond: plugin.callsPerSecond }),
    settings: plugin.connection?.settings,
    parts,
    methods,
    paymentsKeyTtlMs: plugin.payments?.keyTtlMs,
    paymentsTraits: plugin.payments?.traits,
    hostedFields: plugin.payments?.hostedFields,
    actions: Array.isArray(plugin.actions)
      ? plugin.actions.map((action) => ({ spec: withoutCode(action), methods: ['run', 'lookup'].filter((name) => isMethod(action, name)) }))
      : (plugin.actions ?? []),
    triggers: Array.isArray(plugin.triggers)
      ? plugin.triggers.map((trigger) => ({
          spec: withoutCode(trigger),
          methods: ['poll', 'read'].filter((name) => isMethod(trigger, name)),
        }))
      : (plugin.triggers ?? []),
  };
}

/** Finds the function that `path` names: `payments.create`, `action:sms.send:run`, or `trigger:invoice.changed:poll`. */
export function methodOf(plugin: Plugin, path: string): ((context: unknown, input: unknown) => unknown) | undefined {
  if (path.startsWith('action:')) {
    const [, name, method = ''] = path.split(':');
    return bound(
      plugin.actions?.find((action) => action.name === name),
      method,
    );
  }
  if (path.startsWith('trigger:')) {
    const [, name, method = ''] = path.split(':');
    return bound(
      plugin.triggers?.find((trigger) => trigger.name === name),
      method,
    );
  }
  const [part = '', method = ''] = path.split('.');
  return Object.hasOwn(PARTS, part) ? bound(read(plugin, part), method) : undefined;
}

function bound(owner: unknown, name: string): ((context: unknown, input: unknown) => unknown) | undefined {
  const method = read(owner, name);
  return typeof method === 'function' ? (context, input) => Reflect.apply(method, owner, [context, input]) as unknown : undefined;
}

function isMethod(owner: unknown, name: string): boolean {
  return typeof read(owner, name) === 'function';
}

function read(owner: unknown, name: string): unknown {
  return typeof owner === 'object' && owner !== null ? (Reflect.get(owner, name) as unknown) : undefined;
}

function withoutCode(action: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(action).filter(([, value]) => typeof value !== 'function'));
}
