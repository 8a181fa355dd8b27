/** Kill switches: people stop what must not go on, and release it again. Runs rest meanwhile; none fails. */
import { Injectable } from '@nestjs/common';
import { idOf, newUuid } from '../kernel/ids.ts';
import { Database, type Transaction } from '../platform/database/transaction.ts';
import { Audit } from '../platform/tenancy/audit.ts';
import { GuardBook } from './guard-book.ts';
import { guardErrors } from './guard-errors.ts';
import type { SwitchLevel } from './switch-level.ts';

/** A switch that is on. */
export interface KillSwitch {
  readonly level: SwitchLevel;
  /** Empty for the whole tenant. */
  readonly target: string;
  readonly reason: string;
  readonly setBy: string;
  readonly setAt: Date;
  /** Steps that rest because of it. */
  readonly parked: number;
}

/** What it stops. */
export type SwitchPlace = Pick<KillSwitch, 'level' | 'target'>;

interface Row {
  readonly level: SwitchLevel;
  readonly target: string;
  readonly reason: string;
  readonly set_by: string;
  readonly set_at: Date | string;
  readonly parked: string | number;
}

@Injectable()
export class Switches {
  constructor(
    private readonly database: Database,
    private readonly book: GuardBook,
    private readonly audit: Audit,
  ) {}

  /** Switches that are on, by level and target, after `position`. */
  list(tenantId: string, most: number, position?: SwitchPlace): Promise<readonly KillSwitch[]> {
    const { level = '', target = '' } = position ?? {};
    return this.database.transact(tenantId, async (tx) => (await tx.query<Row>(LIST, [level, target, most])).map(fromRow));
  }

  /**
   * Turns it on; in this process at once, in every other within half a second. Calls under way are finished. One that is on already
   * stays as it is.
   */
  async turnOn(tenantId: string, { level, target }: SwitchPlace, reason: string, actor: string): Promise<KillSwitch> {
    const found = await this.database.transact(tenantId, async (tx) => {
      const added = await tx.query(
        `insert into kill_switch (id, tenant_id, level, target, reason, set_by) values ($1, $2, $3, $4, $5, $6)
         on conflict (tenant_id, level, target) do nothing returning id`,
        [newUuid(), tenantId, level, target, reason, actor],
      );
      if (added.length > 0) await this.#record(tx, 'switch.on', { level, target }, actor, reason);
      return (await tx.query<Row>(ONE, [level, target]))[0];
    });
    await this.book.refresh();
    if (!found) throw guardErrors['not-on']({ switch: nameOf({ level, target }) });
    return fromRow(found);
  }

  /** Releases it; what rests because of it goes on within a second. @throws guard.not-on */
  async release(tenantId: string, { level, target }: SwitchPlace, actor: string): Promise<void> {
    await this.database.transact(tenantId, async (tx) => {
      const gone = await tx.query('delete from kill_switch where level = $1 and target = $2 returning id', [level, target]);
      if (gone.length === 0) throw guardErrors['not-on']({ switch: nameOf({ level, target }) });
      await this.#record(tx, 'switch.off', { level, target }, actor, '');
    });
    await this.book.refresh();
  }

  async #record(tx: Transaction, action: string, place: SwitchPlace, actor: string, reason: string): Promise<void> {
    const subject = place.level === 'tenant' ? `tenant/${idOf('ten', tx.tenantId)}` : nameOf(place);
    await this.audit.append(tx, { actor, action, subject, detail: { level: place.level, reason } });
  }
}

const COLUMNS = `s.level, s.target, s.reason, s.set_by, s.set_at,
  (select count(*) from run_parked p where p.switch_id = s.id) as parked`;
const LIST = `select ${COLUMNS} from kill_switch s where (s.level, s.target) > ($1, $2) order by s.level, s.target limit $3`;
const ONE = `select ${COLUMNS} from kill_switch s where s.level = $1 and s.target = $2`;

function nameOf({ level, target }: SwitchPlace): string {
  return target === '' ? level : `${level}/${target}`;
}

function fromRow({ level, target, reason, set_by: setBy, set_at: setAt, parked }: Row): KillSwitch {
  return { level, target, reason, setBy, setAt: new Date(setAt), parked: Number(parked) };
}
