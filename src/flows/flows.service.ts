/** Publishing flows: a text becomes an immutable revision, and the newest revision of an enabled flow starts runs. */
import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../kernel/clock.ts';
import type { FieldProblem } from '../kernel/errors.ts';
import { newUuid } from '../kernel/ids.ts';
import { CLOCK } from '../platform/clock.ts';
import { Database, type Transaction } from '../platform/database/transaction.ts';
import { Audit } from '../platform/tenancy/audit.ts';
import { flowErrors } from './flow-errors.ts';
import { FlowVocabulary } from './flow-vocabulary.ts';
import { linksOf } from './flow-links.ts';
import { readRoutes, routesOf, type FlowRoutes } from './flow-routes.ts';
import { followRoutes } from './flow-starts.ts';
import { checkFlow } from './language/check/check-flow.ts';
import { compile, compileSource } from './language/compile.ts';
import type { Diagnostic } from './language/diagnostic.ts';
import type { FlowSyntax } from './language/syntax.ts';
import type { Vocabulary } from './language/vocabulary.ts';
import { PublishTests } from './publish-tests.ts';
import { PublishedFlows } from './published-flows.ts';

/** A flow as lists show it. */
export interface FlowSummary {
  /** `uuid`; `flw_…` on the wire. */
  readonly id: string;
  readonly name: string;
  readonly title: string;
  readonly enabled: boolean;
  readonly revision: number;
  /** SHA-256 of the newest revision's text, in hexadecimal: the ETag. */
  readonly hash: string;
  readonly updatedAt: Date;
}

/** One revision with its text. */
export interface FlowRevision extends FlowSummary {
  readonly source: string;
  readonly publishedAt: Date;
  readonly publishedBy: string;
}

export interface Publication {
  readonly source: string;
  /** For the audit: `key/key_…`, `file`. */
  readonly by: string;
  /** The name that the text must have. */
  readonly name?: string;
  /** Hash of the revision that was changed; `null`: there must be none yet; absent: whatever there is. */
  readonly expected?: string | null;
  /** Publishes although tests of the text fail, for an emergency; they are not run. */
  readonly skipTests?: boolean;
}

export interface Published extends FlowSummary {
  /** False when the newest revision had this very text already. */
  readonly changed: boolean;
  readonly warnings: readonly Diagnostic[];
}

interface FlowRow {
  readonly id: string;
  readonly name: string;
  readonly title: string;
  readonly enabled: boolean;
  readonly revision: number;
  readonly hash: Buffer;
  readonly updated_at: Date;
}

const SUMMARY = `f.id, f.name, f.title, f.enabled, f.revision, r.hash, f.updated_at`;
const NEWEST = `flow f join flow_revision r on r.flow_id = f.id and r.revision = f.revision`;

@Injectable()
export class Flows {
  constructor(
    private readonly database: Database,
    private readonly vocabulary: FlowVocabulary,
    private readonly published: PublishedFlows,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly tests: PublishTests,
  ) {}

  /** What flows of this tenant can speak of. */
  vocabularyOf(tenantId: string): Promise<Vocabulary> {
    return this.database.transact(tenantId, (tx) => this.vocabulary.of(tx));
  }

  /** What is wrong with a text for this tenant, and with its tests as far as they need not be run; nothing is stored. */
  async check(tenantId: string, source: string): Promise<readonly Diagnostic[]> {
    const vocabulary = await this.database.transact(tenantId, (tx) => this.vocabulary.ofText(tx, source));
    const { flow, diagnostics } = checkFlow(source, vocabulary);
    return flow ? [...diagnostics, ...this.tests.check(flow, source, vocabulary)] : diagnostics;
  }

  /**
   * Publishes a text whose tests pass. The same text again is the same revision.
   *
   * @throws flow.invalid with every problem, flow.tests-failed, flow.other-name, flow.changed when `expected` is not what is published
   */
  async publish(tenantId: string, publication: Publication): Promise<Published> {
    const { source, by, name, expected } = publication;
    await this.#test(tenantId, publication);
    const result = await this.database.transact(tenantId, async (tx) => {
      const vocabulary = await this.vocabulary.ofText(tx, source);
      const checked = checkFlow(source, vocabulary);
      if (!checked.flow) throw flowErrors.invalid({ problems: checked.diagnostics.length }).with(checked.diagnostics.map(fieldProblem));
      if (name !== undefined && checked.flow.name.text !== name)
        throw flowErrors['other-name']({ expected: name, found: checked.flow.name.text });
      const routes = routesOf(compile(checked.flow, source, vocabulary, await timeZoneOf(tx)));
      const stored = await this.#store(tx, checked.flow, { source, routes, by, expected });
      return { ...stored, warnings: checked.diagnostics };
    });
    await this.published.refresh();
    return result;
  }

  /** Makes an old text the newest revision. @throws flow.not-found, flow.unknown-revision, flow.invalid */
  async rollback(tenantId: string, name: string, revision: number, by: string): Promise<Published> {
    const { source } = await this.revision(tenantId, name, revision);
    // It was good enough once, and whoever goes back is in a hurry.
    return this.publish(tenantId, { source, by, name, skipTests: true });
  }

  /** A disabled flow starts no runs; those under way go on. @throws flow.not-found */
  async setEnabled(tenantId: string, name: string, enabled: boolean, by: string): Promise<FlowSummary> {
    const summary = await this.database.transact(tenantId, async (tx) => {
      const [row] = await tx.query<{ id: string; revision: number }>(
        'update flow set enabled = $2, updated_at = clock_timestamp() where name = $1 returning id, revision',
        [name, enabled],
      );
      if (!row) throw flowErrors['not-found']({ name });
      await followRoutes(tx, row.id, row.revision, enabled ? await this.#routes(tx, row.id, row.revision) : undefined);
      await this.audit.append(tx, { actor: by, action: enabled ? 'flow.enable' : 'flow.disable', subject: `flow/${name}` });
      return this.#summary(tx, name);
    });
    await this.published.refresh();
    return summary;
  }

  /** By name. `after` is the last name of the page before. */
  list(tenantId: string, limit: number, after = ''): Promise<FlowSummary[]> {
    return this.database.transact(tenantId, async (tx) =>
      (await tx.query<FlowRow>(`select ${SUMMARY} from ${NEWEST} where f.name > $1 order by f.name limit $2`, [after, limit])).map(
        summaryOf,
      ),
    );
  }

  /** The newest revision, or the one asked for. @throws flow.not-found, flow.unknown-revision */
  revision(tenantId: string, name: string, revision?: number): Promise<FlowRevision> {
    return this.database.transact(tenantId, async (tx) => {
      const summary = await this.#summary(tx, name);
      const [row] = await tx.query<{ revision: number; source: string; hash: Buffer; published_at: Date; published_by: string }>(
        'select revision, source, hash, published_at, published_by from flow_revision where flow_id = $1 and revision = $2',
        [summary.id, revision ?? summary.revision],
      );
      if (!row) throw flowErrors['unknown-revision']({ name, revision });
      return {
        ...summary,
        revision: row.revision,
        hash: row.hash.toString('hex'),
        source: row.source,
        publishedAt: new Date(row.published_at),
        publishedBy: row.published_by,
      };
    });
  }

  /** Runs the tests of a text that is not published already. @throws flow.tests-failed */
  async #test(tenantId: string, { source, skipTests }: Publication): Promise<void> {
    if (skipTests === true || !/^tests:/m.test(source)) return;
    const vocabulary = await this.database.transact(tenantId, async (tx) => {
      const name = /^flow:[ \t]*["']?([^\s"'#]+)/m.exec(source)?.[1];
      const [same] = await tx.query(`select 1 from ${NEWEST} where f.name = $1 and r.hash = $2`, [name ?? '', hashOf(source)]);
      return same ? undefined : this.vocabulary.ofText(tx, source);
    });
    const failures = vocabulary ? await this.tests.failuresOf(source, vocabulary) : [];
    if (failures.length > 0) throw flowErrors['tests-failed']({ problems: failures.length }).with(failures);
  }

  async #store(
    tx: Transaction,
    flow: FlowSyntax,
    {
      source,
      routes,
      by,
      expected,
    }: Pick<Publication, 'source' | 'by'> & {
      readonly routes: FlowRoutes;
      readonly expected: string | null | undefined;
    },
  ): Promise<Omit<Published, 'warnings'>> {
    const hash = hashOf(source);
    const name = flow.name.text;
    const title = flow.title?.text ?? name;
    const [created] = await tx.query<{ id: string }>(
      'insert into flow (id, tenant_id, name, title, enabled, revision) values ($1, $2, $3, $4, $5, 1) on conflict (tenant_id, name) do nothing returning id',
      [newUuid(), tx.tenantId, name, title, flow.enabled],
    );
    // Locks the flow: two publications of one flow stand in line, and the second sees the first.
    const [current] = created ? [] : await tx.query<FlowRow>(`select ${SUMMARY} from ${NEWEST} where f.name = $1 for update of f`, [name]);
    const was = current?.hash.toString('hex') ?? null;
    if (expected !== undefined && expected !== was)
      throw flowErrors.changed({ name, expected: expected ?? 'no flow', found: was ?? 'no flow' });
    if (current && was === hash.toString('hex')) return { ...summaryOf(current), changed: false };
    const id = created?.id ?? current?.id ?? '';
    const revision = (current?.revision ?? 0) + 1;
    await tx.query(
      'insert into flow_revision (flow_id, revision, tenant_id, source, hash, published_at, published_by, routes) values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb)',
      [id, revision, tx.tenantId, source, hash, this.clock.now(), by, JSON.stringify({ ...routes, links: linksOf(flow) })],
    );
    if (current)
      await tx.query('update flow set title = $2, enabled = $3, revision = $4, updated_at = clock_timestamp() where id = $1', [
        id,
        title,
        enabledAfter(flow, current),
        revision,
      ]);
    await followRoutes(tx, id, revision, (current ? enabledAfter(flow, current) : flow.enabled) ? routes : undefined);
    await this.audit.append(tx, {
      actor: by,
      action: 'flow.publish',
      subject: `flow/${name}`,
      detail: { revision, hash: hash.toString('hex') },
    });
    return { ...(await this.#summary(tx, name)), changed: true };
  }

  async #routes(tx: Transaction, flowId: string, revision: number): Promise<FlowRoutes | undefined> {
    const [row] = await tx.query<{ source: string; routes: unknown }>(
      'select source, routes from flow_revision where flow_id = $1 and revision = $2',
      [flowId, revision],
    );
    return row && (readRoutes(row.routes) ?? routesOf(compileSource(row.source, this.vocabulary.general(), await timeZoneOf(tx))));
  }

  async #summary(tx: Transaction, name: string): Promise<FlowSummary> {
    const [row] = await tx.query<FlowRow>(`select ${SUMMARY} from ${NEWEST} where f.name = $1`, [name]);
    if (!row) throw flowErrors['not-found']({ name });
    return summaryOf(row);
  }
}

/** Of flows that name none. */
async function timeZoneOf(tx: Transaction): Promise<string | undefined> {
  const [row] = await tx.query<{ time_zone: string }>('select time_zone from tenant where id = $1', [tx.tenantId]);
  return row?.time_zone;
}

/** `enabled: false` in the text disables; a flow that somebody disabled by hand stays so until they enable it. */
function enabledAfter(flow: FlowSyntax, current: FlowRow): boolean {
  return flow.enabled && current.enabled;
}

function hashOf(source: string): Buffer {
  return createHash('sha256').update(source).digest();
}

function summaryOf(row: FlowRow): FlowSummary {
  const { id, name, title, enabled, revision, hash, updated_at: updatedAt } = row;
  return { id, name, title, enabled, revision, hash: hash.toString('hex'), updatedAt: new Date(updatedAt) };
}

/** A diagnostic as one of the problems of an RFC 9457 answer. The pointer is the place in the text (RFC 5147, lines from 0). */
export function fieldProblem({ code, message, help, place }: Diagnostic): FieldProblem {
  return { pointer: `/source#line=${place.line - 1}`, code, detail: `line ${place.line}, column ${place.column}: ${message}`, help };
}
