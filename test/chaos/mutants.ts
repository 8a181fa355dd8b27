/** Bugs that the campaign must catch, planted in a copy of the compiled program. */

/** A text in one file of `dist` that is there once, and what stands there instead. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** Settings of PostgreSQL. */
  readonly database?: Readonly<Record<string, string>>;
}
