/**
 * The provider's own fields inside Kassaflow's payment page: what a plugin has to say so that the page can show them, without the
 * core knowing the provider.
 *
 * 1. `methods` lists a way of paying with the flow `hosted-fields` and, in `fields`, the public values that the browser needs.
 * 2. The page loads `scripts` and calls `mount` with an empty element, once the payer has chosen that way.
 * 3. The payer presses the button: `submit` checks what was typed and may make a token of it.
 * 4. The payment is created with `flow: 'hosted-fields'` and that token. A next step `redirect` or `none` ends the matter here.
 * 5. A next step `hosted-fields` is confirmed by `confirm`, which leads the payer away to the return address.
 *
 * Without JavaScript, or when the provider's script does not come, the page falls back on the flow `redirect` of the same method.
 */
export interface HostedFields {
  /** Addresses of the provider's scripts, loaded one after the other: `https://js.provider.example/v1.js`. Their origins may run scripts. */
  readonly scripts: readonly string[];
  /** Origins that may be framed: `https://js.provider.example`, `https://*.provider.example`. */
  readonly frames: readonly string[];
  /** Origins that the scripts call from the page itself, if any. */
  readonly connects?: readonly string[];
  /**
   * A JavaScript function expression: the text of a {@link MountHostedFields}. The page runs it under its hash, with
   * `default-src 'none'`: no `eval`, no inline style, nothing from elsewhere than is named above. At most 20,000 characters.
   */
  readonly mount: string;
}

/** What `mount` is given, in the browser. */
export interface HostedFieldsPlace {
  /** The empty HTMLElement to put the fields into. */
  readonly element: unknown;
  /** `fields` of the method, as `methods` gave them. */
  readonly values: Readonly<Record<string, string>>;
  /** `nl`, `en`, `da`, `nb`. */
  readonly locale: string;
  readonly theme: 'light' | 'dark';
}

/** The mounted fields. What is thrown is an Error whose message says to the payer, in his language, what to do. */
export interface MountedFields {
  submit(): Promise<{ readonly token?: string }>;
  /** Needed where `create` answers with the next step `hosted-fields`. */
  confirm?(next: { readonly clientSecret: string; readonly publishableKey: string }, returnUrl: string): Promise<void>;
}

export type MountHostedFields = (place: HostedFieldsPlace) => Promise<MountedFields>;
