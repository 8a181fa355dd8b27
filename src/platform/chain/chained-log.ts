/** A log that is chained. The module that owns the table says what a row's content is. */
export interface ChainedLog {
  readonly name: 'ledger' | 'audit';
  /**
   * A query for `tenant_id`, `position` and `content` (jsonb: everything that must never change) of the rows with `position > $1` and
   * `position <= $2`, in any order. Every column is named: one that is added later must not change old leaves.
   */
  readonly rows: string;
}
