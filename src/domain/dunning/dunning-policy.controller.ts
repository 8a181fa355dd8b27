import { Body, Controller, Get, Inject, Patch } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import type { Clock } from '../../kernel/clock.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database } from '../../platform/database/transaction.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { policySchema, readDunning, writePolicy, type DunningPolicy } from './dunning-policy.ts';

const changes = policySchema.partial().meta({ id: 'ChangeDunningPolicy' });

@ApiTags('mandates')
@Controller('v1/dunning-policy')
export class DunningPolicyController {
  constructor(
    private readonly database: Database,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** When failed charges are repeated, when customers are not disturbed, and how direct debits are announced. */
  @Get()
  @Requires('payments:read')
  get(@CurrentCaller() caller: Caller): Promise<DunningPolicy> {
    return this.database.transact(caller.tenantId, async (tx) => wirePolicy(await readDunning(tx)));
  }

  /** Changes the fields named. Repeats that are planned already stay as they are. */
  @Patch()
  @Requires('payments:write')
  change(@CurrentCaller() caller: Caller, @Body({ schema: changes }) body: z.infer<typeof changes>): Promise<DunningPolicy> {
    return this.database.transact(caller.tenantId, async (tx) => {
      // Two changes at once would each write back the other's old fields.
      await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`dunning-policy ${tx.tenantId}`]);
      const policy = policySchema.parse({ ...wirePolicy(await readDunning(tx)), ...body });
      await writePolicy(tx, policy, this.clock.now());
      const detail = Object.fromEntries(Object.entries(body).map(([name, value]) => [name, JSON.stringify(value)]));
      await this.audit.append(tx, { actor: caller.actor, action: 'dunning-policy.change', subject: 'dunning-policy', detail });
      return policy;
    });
  }
}

function wirePolicy({ quiet: _quiet, schedules: _schedules, ...policy }: Awaited<ReturnType<typeof readDunning>>): DunningPolicy {
  return policy;
}
