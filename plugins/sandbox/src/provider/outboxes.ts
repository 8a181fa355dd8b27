import { randomUUID } from 'node:crypto';
import { onlyFields, Problem, text, type Fields } from './problem.ts';
import type { Store } from './store.ts';

export interface MessageRow {
  readonly id: string;
  readonly recipient: string;
  readonly text: string;
  readonly parts: number;
  readonly created_at: number;
}

export interface MailRow {
  readonly id: string;
  readonly recipient: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  readonly created_at: number;
}

/** SMS and mail that would have been sent: they end here, to be read on a page. */
export class Outboxes {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** @throws Problem 400; 422 `opted_out` for numbers that end in 0000, so that a flow's other branch can be tried */
  sendMessage(account: string, fields: Fields): Readonly<Record<string, unknown>> {
    onlyFields(fields, 'to', 'text');
    const to = text(fields, 'to', 20);
    if (!/^\+[1-9]\d{6,14}$/.test(to)) throw new Problem(400, 'field_invalid', 'The number must be in the form +31612345678.', 'to');
    if (to.endsWith('0000')) throw new Problem(422, 'opted_out', 'The person behind this number wants no messages.');
    const body = text(fields, 'text', 1600);
    const id = `sbm_${randomUUID()}`;
    const parts = countParts(body);
    this.#store.run(
      'insert into message (id, account, recipient, text, parts, created_at) values (?, ?, ?, ?, ?, ?)',
      id,
      account,
      to,
      body,
      parts,
      Date.now(),
    );
    return { id, status: 'sent', parts };
  }

  /** @throws Problem 400 */
  sendMail(account: string, fields: Fields): Readonly<Record<string, unknown>> {
    onlyFields(fields, 'to', 'subject', 'text', 'html');
    const to = text(fields, 'to', 254);
    if (!/^[^\s@,;<>"]+@[^\s@,;<>"]+\.[^\s@,;<>"]+$/.test(to))
      throw new Problem(400, 'field_invalid', 'The recipient must be one e-mail address.', 'to');
    const subject = text(fields, 'subject', 998);
    if (/[\r\n]/.test(subject)) throw new Problem(400, 'field_invalid', 'The subject must be one line.', 'subject');
    const id = `sbe_${randomUUID()}`;
    this.#store.run(
      'insert into mail (id, account, recipient, subject, text, html, created_at) values (?, ?, ?, ?, ?, ?, ?)',
      id,
      account,
      to,
      subject,
      text(fields, 'text', 100_000),
      fields['html'] === undefined ? null : text(fields, 'html', 200_000),
      Date.now(),
    );
    return { id, accepted: true };
  }

  /** Messages of an account behind the one called `after`, oldest first. @throws Problem 400 when there is no such message */
  messagesAfter(account: string, after: string | null, limit: number): readonly MessageRow[] {
    const place = after === null ? 0 : this.#placeOf(account, after);
    return this.#store.all<MessageRow>(
      'select * from message where account = ? and rowid > ? order by rowid limit ?',
      account,
      place,
      limit,
    );
  }

  /** The newest message of an account. */
  lastMessage(account: string): MessageRow | undefined {
    return this.#store.one<MessageRow>('select * from message where account = ? order by rowid desc limit 1', account);
  }

  #placeOf(account: string, id: string): number {
    const row = this.#store.one<{ place: number }>('select rowid as place from message where account = ? and id = ?', account, id);
    if (!row) throw new Problem(400, 'field_invalid', 'There is no message with this id.', 'after');
    return row.place;
  }

  messages(limit: number): readonly MessageRow[] {
    return this.#store.all<MessageRow>('select * from message order by created_at desc, rowid desc limit ?', limit);
  }

  mails(limit: number): readonly MailRow[] {
    return this.#store.all<MailRow>('select * from mail order by created_at desc, rowid desc limit ?', limit);
  }
}

/** GSM 03.38: characters that take one place, and those that take two. All others make the whole text UCS-2. */
const GSM = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
);
const GSM_DOUBLE = new Set('^{}\\[~]|€');

/** How many SMS a text takes: 160 or 153 places each in GSM-7, 70 or 67 in UCS-2. */
export function countParts(body: string): number {
  const characters = Array.from(body);
  if (!characters.every((character) => GSM.has(character) || GSM_DOUBLE.has(character)))
    return body.length <= 70 ? 1 : Math.ceil(body.length / 67);
  const places = characters.reduce((sum, character) => sum + (GSM_DOUBLE.has(character) ? 2 : 1), 0);
  if (places <= 160) return 1;
  // An escaped pair is never split over two parts, so full parts may carry 152.
  let parts = 1;
  let used = 0;
  for (const character of characters) {
    const width = GSM_DOUBLE.has(character) ? 2 : 1;
    if (used + width > 153) {
      parts += 1;
      used = 0;
    }
    used += width;
  }
  return parts;
}
