/** Turns what a plugin's process says about itself into a {@link PluginManifest}, or refuses it. */
import type { ActionSpec, Schema, TriggerSpec } from '@kassaflow/plugin-sdk';
import { isKassaflowError } from '../kernel/errors.ts';
import type { ActionManifest, Capability } from './action-call.ts';
import { literalAddress } from './egress/public-address.ts';
import { fieldAt } from './json-pointer.ts';
import type { PluginManifest } from './manifest.ts';
import type { TriggerManifest } from './trigger-door.ts';
import { pluginErrors } from './plugin-errors.ts';
import { schemaProblem, unmarkedSecret, type SchemaUse } from './schema-check.ts';
import { compileJsonSchema, compileSchema } from './schema-validator.ts';

/** Small letters, digits and dashes. */
export const PLUGIN_ID = /^[a-z][a-z0-9-]{1,40}$/;
/** Versions of the plugin contract that this host serves. */
const SERVED_API = [1];
const HOST = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/;
/** What goes into a Content-Security-Policy: exact enough that nothing in it can end a directive or begin another. */
const SOURCE = '^https://(\\*\\.)?([a-z0-9-]+\\.)+[a-z]{2,}$';
const SCRIPT_ADDRESS = '^https://([a-z0-9-]+\\.)+[a-z]{2,}/[A-Za-z0-9._/-]{0,200}(\\?[A-Za-z0-9=&_-]{1,100})?$';
/** The text stands inside a script element, where these would end it or make a comment of what follows. */
const ENDS_A_SCRIPT = '</|<!--';
const LOCAL_HOST = /(^|\.)(localhost|local|internal|localdomain|home\.arpa)$/;
const NEEDED: Readonly<Record<Capability, readonly string[]>> = {
  payments: ['payments.create', 'payments.fetch'],
  mandates: ['mandates.create', 'mandates.fetch', 'mandates.revoke', 'payments.charge'],
  accounting: ['accounting.post', 'accounting.find', 'accounting.reverse'],
  webhook: ['webhook.verify', 'webhook.translate'],
};

const text = {
  anyOf: [
    { type: 'string', maxLength: 2_000 },
    { type: 'object', required: ['en'], additionalProperties: { type: 'string', maxLength: 2_000 } },
  ],
};
const place = { type: 'string', pattern: '^/', maxLength: 200 };
const guards = {
  type: 'object',
  additionalProperties: false,
  properties: {
    message: {
      type: 'object',
      required: ['to'],
      additionalProperties: false,
      properties: { to: place, template: place, oncePer: place },
    },
    charge: { type: 'object', minProperties: 1, additionalProperties: false, properties: { invoice: place, method: place } },
    money: { type: 'object', required: ['amount'], additionalProperties: false, properties: { amount: place } },
  },
};
/** A list of actions or triggers. @param more what their `spec` may say besides what both have */
const offered = (maxItems: number, more: Readonly<Record<string, object>>) => ({
  type: 'array',
  maxItems,
  items: {
    type: 'object',
    required: ['spec', 'methods'],
    properties: {
      methods: { type: 'array' },
      spec: {
        type: 'object',
        required: ['name', 'title', 'about', 'input', 'output'],
        properties: { name: { type: 'string', maxLength: 100 }, title: text, about: text, ...more },
      },
    },
  },
});
const rawShape = compileJsonSchema({
  type: 'object',
  required: ['id', 'title', 'about', 'version', 'hosts', 'network', 'settings', 'parts', 'methods', 'actions'],
  properties: {
    id: { type: 'string' },
    title: text,
    about: text,
    version: { type: 'string', pattern: '^[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9A-Za-z.-]+)?$' },
    hosts: { type: 'array', maxItems: 50, items: { type: 'string' } },
    network: { enum: ['gateway', 'direct'] },
    callsPerSecond: { type: 'number', exclusiveMinimum: 0, maximum: 10_000 },
    settings: { type: 'object' },
    parts: { type: 'array', items: { type: 'string' } },
    methods: { type: 'array', items: { type: 'string' } },
    paymentsTraits: {
      type: 'object',
      properties: {
        retriesCharges: { type: 'boolean' },
        capturesByRequest: { type: 'boolean' },
        refundsAtTerminal: { type: 'boolean' },
        findsByReport: { type: 'boolean' },
      },
    },
    hostedFields: {
      type: 'object',
      required: ['scripts', 'frames', 'mount'],
      additionalProperties: false,
      properties: {
        scripts: { type: 'array', minItems: 1, maxItems: 5, items: { type: 'string', pattern: SCRIPT_ADDRESS } },
        frames: { type: 'array', maxItems: 10, items: { type: 'string', pattern: SOURCE } },
        connects: { type: 'array', maxItems: 10, items: { type: 'string', pattern: SOURCE } },
        mount: { type: 'string', minLength: 1, maxLength: 20_000, not: { pattern: ENDS_A_SCRIPT } },
      },
    },
    triggers: offered(100, { everyMs: { type: 'integer', minimum: 1_000 } }),
    actions: offered(200, {
      timeoutMs: { type: 'integer', minimum: 100, maximum: 600_000 },
      guards,
      causes: { type: 'array', maxItems: 20, items: { type: 'string', maxLength: 128 } },
    }),
  },
});

/** The shape above, after it was checked. */
interface RawManifest extends Omit<PluginManifest, 'capabilities' | 'actions' | 'triggers' | 'api'> {
  readonly api: unknown;
  readonly parts: readonly string[];
  readonly triggers?: readonly { readonly spec: TriggerSpec; readonly methods: readonly string[] }[];
  readonly actions: readonly { readonly spec: ActionSpec & { readonly effect?: unknown }; readonly methods: readonly string[] }[];
}

/**
 * @param expectedId the folder's name, or the end of the package's name
 * @throws plugin.manifest, plugin.id, plugin.api, plugin.hosts, plugin.schema, plugin.secret, plugin.capability,
 *   plugin.action, plugin.effect, plugin.guards, plugin.sample
 */
export function checkManifest(raw: unknown, expectedId: string): PluginManifest {
  const problem = rawShape(raw);
  if (problem) throw pluginErrors.manifest({ plugin: expectedId, at: problem.pointer || '/', problem: problem.message });
  const manifest = raw as RawManifest; // the shape was just checked
  if (manifest.id !== expectedId || !PLUGIN_ID.test(manifest.id))
    throw pluginErrors.id({ found: manifest.id.slice(0, 60), expected: expectedId });
  if (!SERVED_API.includes(Number(manifest.api)))
    throw pluginErrors.api({ plugin: expectedId, found: String(manifest.api).slice(0, 20), served: SERVED_API.join(', ') });
  checkHosts(manifest);
  checkSchema(manifest.settings, 'settings', expectedId, 'connection.settings');
  const secret = unmarkedSecret(manifest.settings);
  if (secret !== undefined) throw pluginErrors.secret({ plugin: expectedId, setting: secret });
  const capabilities = checkCapabilities(manifest);
  const actions = manifest.actions.map(({ spec, methods }) => checkAction(spec, methods, expectedId));
  const twice = actions.find(({ name }, index) => actions.findIndex((other) => other.name === name) !== index);
  if (twice) throw pluginErrors.action({ plugin: expectedId, action: twice.name });
  const triggers = (manifest.triggers ?? []).map(({ spec, methods }) => checkTrigger(spec, methods, manifest));
  const double = triggers.find(({ name }, index) => triggers.findIndex((other) => other.name === name) !== index);
  if (double) throw pluginErrors.trigger({ plugin: expectedId, trigger: double.name, problem: 'it is there twice' });
  const { id, title, about, version, hosts, network, callsPerSecond, settings, methods, paymentsKeyTtlMs, paymentsTraits, hostedFields } =
    manifest;
  return Object.freeze({
    id,
    title,
    about,
    version,
    api: 1,
    hosts,
    network,
    ...(callsPerSecond === undefined ? {} : { callsPerSecond }),
    settings,
    capabilities,
    methods,
    ...(capabilities.includes('payments') && paymentsKeyTtlMs !== undefined ? { paymentsKeyTtlMs } : {}),
    ...(capabilities.includes('payments') && paymentsTraits !== undefined ? { paymentsTraits } : {}),
    ...(capabilities.includes('payments') && hostedFields !== undefined ? { hostedFields } : {}),
    actions,
    triggers,
  });
}

function checkHosts({ id, hosts }: RawManifest): void {
  const wrong = hosts.find((host) => !HOST.test(host) || LOCAL_HOST.test(host) || literalAddress(host) !== undefined);
  if (wrong !== undefined) throw pluginErrors.hosts({ plugin: id, found: wrong.slice(0, 100) });
}

function checkSchema(schema: Schema, use: SchemaUse, plugin: string, place: string): void {
  const problem = schemaProblem(schema, use);
  if (problem !== undefined) throw pluginErrors.schema({ plugin, schema: place, problem });
  try {
    compileSchema(schema);
  } catch (error) {
    throw pluginErrors.schema(
      { plugin, schema: place, problem: error instanceof Error ? error.message.slice(0, 200) : 'it does not compile' },
      { cause: error },
    );
  }
}

function checkCapabilities({ id, parts, methods, paymentsKeyTtlMs }: RawManifest): Capability[] {
  if (!methods.includes('connection.check')) throw pluginErrors.capability({ plugin: id, missing: 'connection.check' });
  const capabilities = (['payments', 'mandates', 'accounting', 'webhook'] as const).filter((capability) => parts.includes(capability));
  const missing = capabilities.flatMap((capability) => NEEDED[capability]).find((method) => !methods.includes(method));
  if (missing !== undefined) throw pluginErrors.capability({ plugin: id, missing });
  if (capabilities.includes('payments') && !isDuration(paymentsKeyTtlMs))
    throw pluginErrors.capability({ plugin: id, missing: 'payments.keyTtlMs' });
  return capabilities;
}

function checkAction(spec: ActionSpec, methods: readonly string[], plugin: string): ActionManifest {
  const { name, effect, movesMoney, keyTtlMs } = spec;
  if (!/^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$/.test(name)) throw pluginErrors.action({ plugin, action: name });
  if (!['read', 'keyed', 'lookup', 'once'].includes(effect))
    throw pluginErrors.effect({ plugin, action: name, found: String(effect).slice(0, 20) });
  if (movesMoney === true && effect !== 'keyed' && effect !== 'lookup')
    throw pluginErrors.effect({ plugin, action: name, found: effect, problem: 'it moves money' });
  if (effect === 'keyed' && !isDuration(keyTtlMs))
    throw pluginErrors.effect({ plugin, action: name, found: effect, problem: 'keyTtlMs is missing' });
  if (effect === 'lookup' && !methods.includes('lookup'))
    throw pluginErrors.effect({ plugin, action: name, found: effect, problem: 'lookup() is missing' });
  if (!methods.includes('run')) throw pluginErrors.action({ plugin, action: name, problem: 'run() is missing' });
  checkSchema(spec.input, 'input', plugin, `${name} input`);
  checkSchema(spec.output, 'output', plugin, `${name} output`);
  checkGuards(spec, plugin);
  const unfit = compileSchema(spec.output)(spec.sample);
  if (unfit) throw pluginErrors.sample({ plugin, action: name, at: unfit.pointer || '/', problem: unfit.message });
  return { ...spec, plugin };
}

/** Every place that a guard looks at is a field of the input: money for an amount, a text for the rest. */
function checkGuards({ name, input, guards: { message, charge, money } = {} }: ActionSpec, plugin: string): void {
  const texts = [message?.to, message?.template, message?.oncePer, charge?.invoice, charge?.method];
  const wrong = texts.find((pointer) => pointer !== undefined && fieldAt(input, pointer)?.type !== 'string');
  const amount = money && fieldAt(input, money.amount)?.format !== 'money' ? money.amount : undefined;
  const at = wrong ?? amount;
  if (at !== undefined) throw pluginErrors.guards({ plugin, action: name, at });
}

function checkTrigger(spec: TriggerSpec, methods: readonly string[], { id, parts }: RawManifest): TriggerManifest {
  const { name, input, output, sample } = spec;
  const refuse = (problem: string): Error => pluginErrors.trigger({ plugin: id, trigger: name, problem });
  if (!/^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$/.test(name)) throw refuse('its name is not subject.verb');
  if (methods.length !== 1) throw refuse('it needs either poll() or read()');
  const mode = methods.includes('poll') ? 'poll' : 'webhook';
  if (mode === 'webhook' && !parts.includes('webhook')) throw refuse('it reads deliveries, and the plugin has no webhook to verify them');
  checkSchema(input, 'input', id, `${name} input`);
  checkSchema(output, 'output', id, `${name} output`);
  if (Object.hasOwn(input.properties, 'every')) throw refuse('the input "every" is the host’s');
  const unfit = compileSchema(output)(sample);
  if (unfit) throw pluginErrors.sample({ plugin: id, action: name, at: unfit.pointer || '/', problem: unfit.message });
  return { ...spec, plugin: id, mode };
}

function isDuration(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1_000;
}

/** The code and sentence of why a plugin is not running, for the list of plugins. */
export function refusalOf(error: unknown): { code: string; message: string } {
  if (isKassaflowError(error)) return { code: error.code, message: error.message };
  return { code: 'plugin.load', message: error instanceof Error ? error.message : 'it could not be loaded' };
}
