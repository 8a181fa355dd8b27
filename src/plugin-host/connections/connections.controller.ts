/** `/v1/connections`. Settings that are secret go in and never come out. */
import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { uuidOf } from '../../kernel/ids.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { ConnectionChecks } from '../connection-checks.ts';
import { connectionErrors } from './connection-errors.ts';
import { ConnectionViews, type ConnectionView } from './connection-view.ts';
import type { Connection } from './connection.ts';
import { Connections } from './connections.ts';
import { LookAfterConnections } from './look-after-connections.ts';
import { RotateCredentials } from './rotate-credentials.ts';

const settings = z.record(z.string().max(100), z.json()).meta({ description: 'By the plugin’s settings schema: GET /v1/plugins' });
const newConnectionSchema = z
  .strictObject({ name: z.string().max(63), plugin: z.string().max(60), settings, isDefault: z.boolean().optional() })
  .meta({ id: 'NewConnection' });
const changeSchema = z
  .strictObject({
    name: z.string().max(63).optional(),
    settings: settings.optional(),
    isDefault: z.boolean().optional(),
    status: z.enum(['active', 'disabled']).optional(),
    callsPerSecond: z
      .number()
      .positive()
      .max(10_000)
      .nullable()
      .optional()
      .meta({ description: 'How often it may be called, over all processes; null: as its plugin says' }),
  })
  .meta({ id: 'ConnectionChange' });

/** The longest time for which a provider here repeats a delivery, with the signature that it had at first: Vipps MobilePay's seven days. */
const OVERLAP_HOURS = 168;
const rotationSchema = z
  .strictObject({
    settings,
    overlapHours: z
      .int()
      .min(0)
      .max(720)
      .default(OVERLAP_HOURS)
      .meta({ description: 'For how long what is replaced counts too; 0 for what others have come to know' }),
  })
  .refine((rotation) => Object.keys(rotation.settings).length > 0, { path: ['settings'], message: 'Name what is to be replaced' })
  .meta({ id: 'ConnectionRotation' });

const webhookSchema = z
  .strictObject({
    renew: z.boolean().default(false).meta({ description: 'Replace the registration that there is: its deliveries are refused' }),
  })
  .meta({ id: 'RegisterWebhook' });

@ApiTags('connections')
@Controller('v1/connections')
export class ConnectionsController {
  constructor(
    private readonly connections: Connections,
    private readonly checks: ConnectionChecks,
    private readonly lookAfter: LookAfterConnections,
    private readonly credentials: RotateCredentials,
    private readonly views: ConnectionViews,
  ) {}

  /** All of them: a tenant has at most 200. */
  @Get()
  @Requires('connections:read')
  async list(@CurrentCaller() caller: Caller): Promise<{ items: readonly ConnectionView[]; nextCursor: null }> {
    const { tenantId } = caller;
    return { items: await this.views.of(tenantId, await this.connections.list(tenantId)), nextCursor: null };
  }

  @Get(':id')
  @Requires('connections:read')
  async get(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<ConnectionView> {
    return this.#shown(caller.tenantId, uuidOf('con', id));
  }

  /**
   * In the mode of the API key. It is tried at the provider, and the webhook registered, before the answer: `lastCheck` and `webhook`
   * say how that went. Repeating it is harmless: the name is taken then.
   */
  @Post()
  @Requires('connections:write')
  async add(
    @CurrentCaller() caller: Caller,
    @Body({ schema: newConnectionSchema }) { isDefault = false, ...wanted }: z.output<typeof newConnectionSchema>,
  ): Promise<ConnectionView> {
    const { tenantId, mode, actor } = caller;
    const { id } = await this.connections.add(tenantId, { ...wanted, isDefault, mode }, actor);
    await this.lookAfter.look(tenantId, id);
    return this.#shown(tenantId, id);
  }

  /** Given settings replace the same ones at once; a secret that is not given stays. To replace one without a gap, rotate it. */
  @Patch(':id')
  @Requires('connections:write')
  async update(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body({ schema: changeSchema }) change: z.output<typeof changeSchema>,
  ): Promise<ConnectionView> {
    const { name, settings: changed, isDefault, status, callsPerSecond } = change;
    const uuid = uuidOf('con', id);
    await this.connections.update(
      caller.tenantId,
      uuid,
      {
        ...(name === undefined ? {} : { name }),
        ...(changed === undefined ? {} : { settings: changed }),
        ...(isDefault === undefined ? {} : { isDefault }),
        ...(status === undefined ? {} : { state: status }),
        ...(callsPerSecond === undefined ? {} : { callsPerSecond }),
      },
      caller.actor,
    );
    if (changed !== undefined || status === 'active') await this.lookAfter.look(caller.tenantId, uuid);
    return this.#shown(caller.tenantId, uuid);
  }

  /** Tries the settings against the provider, now. The answer says how it went; a good check ends a pause. */
  @Post(':id/check')
  @HttpCode(200)
  @Requires('connections:write')
  async check(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<ConnectionView> {
    const uuid = uuidOf('con', id);
    await this.checks.check(caller.tenantId, uuid);
    return this.#shown(caller.tenantId, uuid);
  }

  /**
   * Replaces credentials without a gap: the new ones are tried at the provider first, and what is replaced counts too for `overlapHours`.
   */
  @Post(':id/rotate')
  @HttpCode(200)
  @Requires('connections:write')
  async rotate(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body({ schema: rotationSchema }) rotation: z.output<typeof rotationSchema>,
  ): Promise<ConnectionView> {
    const uuid = uuidOf('con', id);
    await this.credentials.rotate(caller.tenantId, uuid, rotation.settings, rotation.overlapHours, caller.actor);
    return this.#shown(caller.tenantId, uuid);
  }

  /** Registers the webhook at the provider, or finds it registered, now. `webhook` in the answer says how that went. */
  @Post(':id/webhook')
  @HttpCode(200)
  @Requires('connections:write')
  async webhook(
    @CurrentCaller() { tenantId }: Caller,
    @Param('id') id: string,
    @Body({ schema: webhookSchema }) { renew }: z.output<typeof webhookSchema>,
  ): Promise<ConnectionView> {
    const uuid = uuidOf('con', id);
    const { webhook } = await this.#shown(tenantId, uuid);
    if (webhook.status === 'none' || webhook.status === 'by-hand')
      throw connectionErrors['webhook-by-hand']({ address: webhook.url ?? undefined });
    if (!(await this.lookAfter.look(tenantId, uuid, renew))) throw connectionErrors.busy().after(2_000);
    return this.#shown(tenantId, uuid);
  }

  /** Removes it for good. Refused while payments, refunds, mandates or routes need it. */
  @Delete(':id')
  @HttpCode(204)
  @Requires('connections:write')
  async remove(@CurrentCaller() { tenantId, actor }: Caller, @Param('id') id: string): Promise<void> {
    await this.connections.remove(tenantId, uuidOf('con', id), actor);
  }

  async #shown(tenantId: string, id: string): Promise<ConnectionView> {
    const connection: Connection | undefined = await this.connections.open(tenantId, id);
    const [view] = connection ? await this.views.of(tenantId, [connection]) : [];
    if (!view) throw connectionErrors.unknown();
    return view;
  }
}
