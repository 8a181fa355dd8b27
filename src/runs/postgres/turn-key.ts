/** A one-per key, in the words of its columns. */
export interface TurnKey {
  readonly tenant_id: string;
  readonly flow_id: string;
  readonly key: string;
}
