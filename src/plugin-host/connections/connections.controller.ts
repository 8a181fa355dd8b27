/** `/v1/connections`. Settings that are secret go in and never come out. */
import { Body, Controller, Get, HttpCode, Param, Patch, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { ConnectionChecks } from '../connection-checks.ts';
import { connectionErrors } from './connection-errors.ts';
import type { Connection, LastCheck } from './connection.ts';
import { Connections } from './connections.ts';

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

/** A connection on the wire. */
export interface ConnectionView {
  readonly id: string;
  readonly name: string;
  readonly plugin: string;
  readonly mode: 'test' | 'live';
  readonly status: Connection['state'];
  readonly isDefault: boolean;
  readonly callsPerSecond: number | null;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly lastCheck: LastCheck | null;
  readonly createdAt: string;
}

@ApiTags('connections')
@Controller('v1/connections')
export class ConnectionsController {
  constructor(
    private readonly connections: Connections,
    private readonly checks: ConnectionChecks,
  ) {}

  /** All of them: a tenant has at most 200. */
  @Get()
  @Requires('connections:read')
  async list(@CurrentCaller() caller: Caller): Promise<{ items: readonly ConnectionView[]; nextCursor: null }> {
    return { items: (await this.connections.list(caller.tenantId)).map(viewOf), nextCursor: null };
  }

  @Get(':id')
  @Requires('connections:read')
  async get(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<ConnectionView> {
    const connection = await this.connections.open(caller.tenantId, uuidOf('con', id));
    if (!connection) throw connectionErrors.unknown();
    return viewOf(connection);
  }

  /** In the mode of the API key. Repeating it is harmless: the name is taken then. */
  @Post()
  @Requires('connections:write')
  async add(
    @CurrentCaller() caller: Caller,
    @Body({ schema: newConnectionSchema }) { isDefault = false, ...wanted }: z.output<typeof newConnectionSchema>,
  ): Promise<ConnectionView> {
    return viewOf(await this.connections.add(caller.tenantId, { ...wanted, isDefault, mode: caller.mode }, caller.actor));
  }

  /** Given settings replace the same ones; a secret that is not given stays. */
  @Patch(':id')
  @Requires('connections:write')
  async update(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body({ schema: changeSchema }) change: z.output<typeof changeSchema>,
  ): Promise<ConnectionView> {
    const { name, settings: changed, isDefault, status, callsPerSecond } = change;
    return viewOf(
      await this.connections.update(
        caller.tenantId,
        uuidOf('con', id),
        {
          ...(name === undefined ? {} : { name }),
          ...(changed === undefined ? {} : { settings: changed }),
          ...(isDefault === undefined ? {} : { isDefault }),
          ...(status === undefined ? {} : { state: status }),
          ...(callsPerSecond === undefined ? {} : { callsPerSecond }),
        },
        caller.actor,
      ),
    );
  }

  /** Tries the settings against the provider, now. The answer says how it went; a good check ends a pause. */
  @Post(':id/check')
  @HttpCode(200)
  @Requires('connections:write')
  async check(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<ConnectionView> {
    return viewOf(await this.checks.check(caller.tenantId, uuidOf('con', id)));
  }
}

function viewOf({
  id,
  name,
  plugin,
  mode,
  state,
  isDefault,
  callsPerSecond,
  settings: plain,
  lastCheck,
  createdAt,
}: Connection): ConnectionView {
  return {
    id: idOf('con', id),
    name,
    plugin,
    mode,
    status: state,
    isDefault,
    callsPerSecond: callsPerSecond ?? null,
    settings: plain,
    lastCheck: lastCheck ?? null,
    createdAt: createdAt.toISOString(),
  };
}
