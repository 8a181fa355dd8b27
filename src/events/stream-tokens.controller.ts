/** `/v1/stream-tokens`: credentials for browsers that follow something. Making one is not idempotent on purpose: a stored answer would be a stored secret. */
import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { uuidOf } from '../kernel/ids.ts';
import { Requires } from '../platform/auth/access.ts';
import { authErrors } from '../platform/auth/auth-errors.ts';
import { CurrentCaller, type Caller } from '../platform/auth/caller.ts';
import { allows } from '../platform/auth/scopes.ts';
import { StreamTokens, type StreamToken } from '../platform/auth/stream-tokens.ts';
import { pageFields, pageOf, readCursor, type Page } from '../platform/http/page.ts';
import { Paged } from '../platform/http/paged.ts';
import { followable, FOLLOWED_SUBJECT } from './followable.ts';

const MOST_SUBJECTS = 100;

const newTokenSchema = z
  .strictObject({
    subjects: z
      .array(z.string().regex(FOLLOWED_SUBJECT, 'a subject that can be followed, such as payment/pay_…, or payment/* for all payments'))
      .min(1)
      .max(MOST_SUBJECTS)
      .meta({
        description: 'What its holder may see: single things, or all of a kind',
        example: ['payment/pay_01jd3k4m5n6p7q8r9s0t1v2w3z', 'invoice/*'],
      }),
    expiresInSeconds: z.int().min(60).max(86_400).default(1_800),
  })
  .meta({ id: 'NewStreamToken' });
const listSchema = z.strictObject(pageFields);

type Shown = Omit<StreamToken, 'about'> & { readonly subjects: readonly string[] };

@ApiTags('stream')
@Controller('v1/stream-tokens')
export class StreamTokensController {
  constructor(private readonly tokens: StreamTokens) {}

  /** The answer holds the token itself under `secret`, this once. A key gives away nothing that it may not read itself. */
  @Post()
  @Requires('stream:read')
  @ApiOperation({ summary: 'Make a token for a browser that follows something' })
  async create(
    @CurrentCaller() { tenantId, keyId, scopes }: Caller,
    @Body({ schema: newTokenSchema }) { subjects, expiresInSeconds }: z.output<typeof newTokenSchema>,
  ): Promise<Shown & { secret: string }> {
    for (const subject of subjects) {
      const scope = followable(subject).scope;
      if (!allows(scopes, scope)) throw authErrors['too-many-scopes']({ scope });
    }
    const { token, secret } = await this.tokens.issue(tenantId, {
      purpose: 'follow',
      about: subjects,
      lifeMs: expiresInSeconds * 1_000,
      keyId,
    });
    return { ...shown(token), secret };
  }

  /** Those of checkout sessions too. */
  @Get()
  @Requires('stream:read')
  @Paged()
  @ApiOperation({ summary: 'List stream tokens, newest first' })
  async list(
    @CurrentCaller() { tenantId }: Caller,
    @Query({ schema: listSchema }) query: z.output<typeof listSchema>,
  ): Promise<Page<Shown>> {
    const after = readCursor(query.cursor)?.[0];
    const rows = await this.tokens.list(tenantId, { limit: query.limit + 1, after });
    return pageOf(rows, query, (token) => [uuidOf('stk', token.id)], shown);
  }

  @Delete(':id')
  @Requires('stream:read')
  @ApiOperation({ summary: 'End a stream token, and the streams that it has opened' })
  async revoke(@CurrentCaller() { tenantId, actor }: Caller, @Param('id') id: string): Promise<Shown> {
    return shown(await this.tokens.revoke(tenantId, id, actor));
  }
}

function shown({ about, ...token }: StreamToken): Shown {
  return { ...token, subjects: about };
}
