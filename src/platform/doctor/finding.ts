/** What the doctor says about one thing. */
export interface Finding {
  /** What was looked at: `node`, `data directory`, `clock` … */
  readonly name: string;
  /** `false`: Kassaflow does not start, or breaks a promise, until this is repaired. */
  readonly ok: boolean;
  /** What is there, for people; no secrets. */
  readonly found: string;
  /** What to do. Given with `ok: true` it is advice. */
  readonly help?: string;
}

/** The finding for an error of ours; its title says what is wrong and its help what to do. */
export function problem(name: string, error: { readonly message: string; readonly spec?: { readonly help?: string } }): Finding {
  return { name, ok: false, found: error.message, ...(error.spec?.help === undefined ? {} : { help: error.spec.help }) };
}
