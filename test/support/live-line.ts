/** A message of an event stream. */
export interface LiveMessage {
  readonly id: string;
  /** `message` unless it was named. */
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface LiveLineOptions {
  /** The line breaks after each message that has an id, so that every place in between is one where it goes on. */
  readonly breaksAlways?: boolean;
}

const COME_BACK_MS = 20;

/**
 * A browser that follows: it reads server-sent events as WHATWG HTML §9.2 says, and whenever its line breaks, or nobody answers, it
 * comes back with the id of the last message that it has read whole. A refusal ends it, as it ends an `EventSource`.
 */
export class LiveLine {
  readonly messages: LiveMessage[] = [];
  /** How often it was let in. */
  connections = 0;
  /** The status with which it was refused. */
  refused: number | undefined;
  /** What the other side said in comments. */
  readonly comments: string[] = [];
  readonly #url: string;
  readonly #secret: string;
  readonly #breaksAlways: boolean;
  #lastId = '';
  #closed = false;
  #line = new AbortController();

  constructor(url: string, secret: string, { breaksAlways = false }: LiveLineOptions = {}) {
    this.#url = url;
    this.#secret = secret;
    this.#breaksAlways = breaksAlways;
    void this.#follow();
  }

  /** The messages that are events of the log, as `type` and id. */
  get events(): string[] {
    return this.messages.filter(({ event }) => event === 'message').map(({ data }) => `${String(data['type'])} ${String(data['eventid'])}`);
  }

  /** Breaks the line. It comes back by itself. */
  cut(): void {
    this.#line.abort();
  }

  close(): void {
    this.#closed = true;
    this.#line.abort();
  }

  async #follow(): Promise<void> {
    while (!this.#closed) {
      this.#line = new AbortController();
      // Whatever breaks a line, a browser comes back.
      await this.#read(this.#line.signal).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, COME_BACK_MS));
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const headers = { authorization: `Bearer ${this.#secret}`, ...(this.#lastId !== '' && { 'last-event-id': this.#lastId }) };
    const answer = await fetch(this.#url, { headers, signal });
    if (answer.status !== 200 || !answer.body) {
      await answer.body?.cancel();
      // Too many, or about to stop: later. Anything else is final.
      if (answer.status === 429 || answer.status === 503) return;
      this.refused = answer.status;
      this.#closed = true;
      return;
    }
    this.connections += 1;
    let text = '';
    for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
      const blocks = (text + part).split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) if (this.#take(block)) return this.cut();
    }
  }

  /** Tells whether the line breaks behind it. */
  #take(block: string): boolean {
    const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
    const comment = fields.get('');
    if (comment !== undefined) this.comments.push(comment);
    const data = fields.get('data');
    if (data === undefined) return false;
    const id = fields.get('id');
    if (id !== undefined) this.#lastId = id;
    this.messages.push({ id: id ?? '', event: fields.get('event') ?? 'message', data: JSON.parse(data) as Record<string, unknown> });
    return this.#breaksAlways && id !== undefined;
  }
}
