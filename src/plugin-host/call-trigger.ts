/** The door to triggers: see {@link TriggerDoor}. */
import { Injectable, Logger } from '@nestjs/common';
import { failed, type Outcome, type Polled, type RawWebhook, type Schema, type TriggerItem } from '@kassaflow/plugin-sdk';
import type { ChosenConnection } from './action-call.ts';
import { ConnectionLanes } from './connection-lanes.ts';
import { connectionErrors } from './connections/connection-errors.ts';
import { Connections } from './connections/connections.ts';
import { contextFor, outcomeOfChild } from './plugin-call.ts';
import { PluginCatalogue } from './plugin-catalogue.ts';
import { pluginErrors } from './plugin-errors.ts';
import { PluginHost } from './plugin-host.ts';
import type { WebhookConnection } from './provider-calls.ts';
import { compileJsonSchema, compileSchema, withDefaults, type Validator } from './schema-validator.ts';
import { TriggerDoor, type TriggerManifest, type TriggerPoll } from './trigger-door.ts';

type Value = Readonly<Record<string, unknown>>;

/** Reading a delivery may take a question to the provider. */
const READ_MS = 10_000;
const MOST_ITEMS = 1_000;

const itemsShape = {
  type: 'array',
  maxItems: MOST_ITEMS,
  items: {
    type: 'object',
    required: ['id', 'data'],
    properties: { id: { type: 'string', minLength: 1, maxLength: 255 }, data: { type: 'object' } },
  },
};
const checkItems = compileJsonSchema(itemsShape);
const checkPolled = compileJsonSchema({
  type: 'object',
  required: ['items', 'cursor'],
  properties: { items: itemsShape, cursor: { type: 'string', maxLength: 4_000 }, more: { type: 'boolean' } },
});

@Injectable()
export class CallTrigger extends TriggerDoor {
  readonly #logger = new Logger('triggers');
  readonly #checks = new WeakMap<Schema, Validator>();

  constructor(
    private readonly host: PluginHost,
    private readonly catalogue: PluginCatalogue,
    private readonly connections: Connections,
    private readonly lanes: ConnectionLanes,
  ) {
    super();
  }

  override manifests(): readonly TriggerManifest[] {
    return this.catalogue.all().flatMap(({ triggers }) => triggers);
  }

  override async choose(tenantId: string, trigger: string, via: string | undefined): Promise<ChosenConnection> {
    const fits = ({ triggers }: { readonly triggers: readonly TriggerManifest[] }) => triggers.some(({ name }) => name === trigger);
    const { id, plugin } = await this.connections.choose(tenantId, via, fits, trigger);
    return { id, plugin };
  }

  override async poll(call: TriggerPoll): Promise<Outcome<Polled<Value>>> {
    try {
      return await this.#poll(call);
    } catch (error) {
      this.#logger.error({ trigger: call.trigger, err: error }, 'a provider could not be polled');
      return failed('temporary', 'The provider could not be asked', { code: 'trigger.not-polled' });
    }
  }

  override async read(
    { tenantId, connectionId, plugin }: WebhookConnection,
    trigger: string,
    input: Value,
    delivery: RawWebhook,
  ): Promise<readonly TriggerItem<Value>[]> {
    const connection = await this.connections.open(tenantId, connectionId);
    if (!connection) throw connectionErrors.unknown();
    const manifest = this.#manifestOf(plugin, trigger);
    if (!manifest) throw pluginErrors.unavailable({ plugin, problem: `it does not offer ${trigger} now` }).after(1_000);
    const result = await this.host.call(plugin, {
      path: `trigger:${trigger}:read`,
      context: contextFor(connection, '', 1),
      input: { input: withDefaults(manifest.input, input), delivery: { ...delivery, body: Buffer.from(delivery.body).toString('base64') } },
      timeoutMs: READ_MS,
      mayCallOut: true,
    });
    if (result.kind !== 'answer')
      throw pluginErrors
        .unavailable({ plugin, problem: `${trigger}: ${result.kind}` })
        .after(result.kind === 'unavailable' ? result.retryAfterMs : 1_000);
    const unfit = checkItems(result.value) ?? this.#unfitItem(manifest, result.value as readonly TriggerItem<Value>[]); // checked in that order
    if (unfit) throw pluginErrors.answer({ plugin, problem: `${trigger}: its items ${unfit.pointer} ${unfit.message}` });
    return result.value as readonly TriggerItem<Value>[]; // just checked
  }

  async #poll({ tenantId, connectionId, trigger, input, cursor, timeoutMs }: TriggerPoll): Promise<Outcome<Polled<Value>>> {
    const connection = await this.connections.open(tenantId, connectionId);
    if (!connection || connection.state === 'disabled')
      return failed('permanent', 'The connection is gone or disabled', { code: 'connection.unknown' });
    if (connection.state === 'paused')
      return failed('auth', `The connection ${connection.name} is paused, because the provider refused its credentials`, {
        code: 'connection.paused',
      });
    const manifest = this.#manifestOf(connection.plugin, trigger);
    if (!manifest)
      return failed('temporary', `The plugin ${connection.plugin} does not offer ${trigger} now`, { code: 'plugin.unavailable' });
    const given = withDefaults(manifest.input, input);
    const problem = this.#checkOf(manifest.input)(given);
    if (problem) return failed('input', `${problem.pointer} ${problem.message}`, { code: 'trigger.input' });
    const outcome = await this.lanes.of(connection).run(timeoutMs, async (left) => {
      const result = await this.host.call(connection.plugin, {
        path: `trigger:${trigger}:poll`,
        context: contextFor(connection, '', 1),
        input: { input: given, ...(cursor !== undefined && { cursor }) },
        timeoutMs: left,
        mayCallOut: true,
      });
      return outcomeOfChild(result, connection, { check: checkPolled, changes: false, absentAllowed: false });
    });
    if (outcome.kind === 'failed' && outcome.reason === 'auth') await this.connections.pause(connection, outcome.message);
    if (outcome.kind !== 'ok') return outcome;
    const polled = outcome.value as Polled<Value>; // checkPolled has said so
    const unfit = this.#unfitItem(manifest, polled.items);
    // The cursor stays before an item that cannot be used: a person is told, and nothing is left out.
    return unfit
      ? failed('permanent', `An item does not fit its schema: ${unfit.pointer} ${unfit.message}`, { code: 'trigger.item' })
      : { ...outcome, value: polled };
  }

  #unfitItem({ output }: TriggerManifest, items: readonly TriggerItem<Value>[]): ReturnType<Validator> {
    for (const [index, { data }] of items.entries()) {
      const unfit = this.#checkOf(output)(data);
      if (unfit) return { ...unfit, pointer: `/${index}${unfit.pointer}` };
    }
    return undefined;
  }

  #manifestOf(plugin: string, trigger: string): TriggerManifest | undefined {
    return this.catalogue.find(plugin)?.triggers.find(({ name }) => name === trigger);
  }

  #checkOf(schema: Schema): Validator {
    const check = this.#checks.get(schema) ?? compileSchema(schema);
    this.#checks.set(schema, check);
    return check;
  }
}
