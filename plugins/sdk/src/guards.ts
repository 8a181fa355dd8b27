/**
 * What the guards of the core must know of an action, so that no mistake in a flow sends a customer 400 texts or charges a card
 * without end. All places are JSON pointers (RFC 6901) into the action's input: `/to`.
 *
 * An action that says nothing is held by the kill switches and by budgets of calls alone.
 */
export interface ActionGuards {
  /** It writes to somebody: counted per receiver and day, and sent once per business fact. */
  readonly message?: {
    /** Who gets it: an address, or a phone number in E.164. Stored only as a keyed hash. */
    readonly to: string;
    /** What tells one kind of message from another; without it the action as a whole is one kind. */
    readonly template?: string;
    /** A text of the flow's author: one message per receiver and text, whatever run sends it. */
    readonly oncePer?: string;
  };
  /** It tries to take money from somebody: attempts are counted per invoice and per card or mandate. */
  readonly charge?: {
    readonly invoice?: string;
    /** The card's fingerprint or the mandate. */
    readonly method?: string;
  };
  /** The money that it moves, for budgets. An input without an amount counts as a call only. */
  readonly money?: {
    readonly amount: string;
  };
}
