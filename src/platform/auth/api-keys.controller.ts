/** `/v1/api-keys`. Making one is not idempotent on purpose: a stored answer would be a stored secret. */
import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { uuidOf } from '../../kernel/ids.ts';
import { pageFields, pageOf, readCursor, type Page } from '../http/page.ts';
import { Paged } from '../http/paged.ts';
import { Requires } from './access.ts';
import { ApiKeys, type ApiKey } from './api-keys.ts';
import { authErrors } from './auth-errors.ts';
import { CurrentCaller, type Caller } from './caller.ts';
import { allows, isGrantedScope, SCOPES, TEAM_NAME, type GrantedScope } from './scopes.ts';

const MOST_TEAMS = 50;

const newKeySchema = z
  .strictObject({
    name: z.string().trim().min(1).max(100).meta({ description: 'For people: where the key is used' }),
    scopes: z
      .array(z.union([z.enum(['*', ...SCOPES]), z.templateLiteral(['team:', z.string().regex(TEAM_NAME)])]))
      .min(1)
      .max(SCOPES.length + 1 + MOST_TEAMS),
    expiresAt: z.iso
      .datetime({ offset: true })
      .transform((text) => new Date(text))
      .optional(),
  })
  .meta({ id: 'NewApiKey' });
const listSchema = z.strictObject(pageFields);

@ApiTags('api-keys')
@Controller('v1/api-keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeys) {}

  @Get()
  @Requires('api-keys:read')
  @Paged()
  async list(@CurrentCaller() caller: Caller, @Query({ schema: listSchema }) query: z.output<typeof listSchema>): Promise<Page<ApiKey>> {
    const after = readCursor(query.cursor)?.[0];
    const rows = await this.keys.list(caller.tenantId, { limit: query.limit + 1, after });
    return pageOf(
      rows,
      query,
      (key) => [uuidOf('key', key.id)],
      (key) => key,
    );
  }

  /** The answer holds the key itself under `secret`, this once. A key gives away no scope that it does not hold. */
  @Post()
  @Requires('api-keys:write')
  async create(
    @CurrentCaller() caller: Caller,
    @Body({ schema: newKeySchema }) wanted: z.output<typeof newKeySchema>,
  ): Promise<ApiKey & { secret: string }> {
    const tooMany = wanted.scopes.find((scope) => !mayGive(caller.scopes, scope));
    if (tooMany !== undefined) throw authErrors['too-many-scopes']({ scope: tooMany });
    const { key, secret } = await this.keys.create(caller.tenantId, wanted, caller.actor);
    return { ...key, secret };
  }

  @Delete(':id')
  @Requires('api-keys:write')
  revoke(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<ApiKey> {
    return this.keys.revoke(caller.tenantId, id, caller.actor);
  }
}

function mayGive(held: readonly GrantedScope[], given: string): boolean {
  if (given === '*') return held.includes('*');
  return isGrantedScope(given) && given !== '*' && allows(held, given);
}
