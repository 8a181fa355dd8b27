/** The part of `mailparser` that tests use; the package has no types of its own. */
declare module 'mailparser' {
  export interface ParsedMail {
    readonly subject?: string;
    readonly text?: string;
    readonly html: string | false;
    readonly messageId?: string;
    readonly headers: ReadonlyMap<string, unknown>;
  }
  export function simpleParser(source: string): Promise<ParsedMail>;
}
