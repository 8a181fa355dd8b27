/** A provider for tests: a list of items by time, asked "since", as many real ones are. */
import { failed, ok, type Outcome, type Polled, type RawWebhook, type TriggerItem } from '@kassaflow/plugin-sdk';
import type { ChosenConnection } from '../../plugin-host/action-call.ts';
import type { WebhookConnection } from '../../plugin-host/provider-calls.ts';
import { TriggerDoor, type TriggerManifest, type TriggerPoll } from '../../plugin-host/trigger-door.ts';

type Value = Readonly<Record<string, unknown>>;

const schema = { type: 'object', properties: { n: { type: 'integer' } } } as const;

export class ScriptedTrigger extends TriggerDoor {
  /** What happened at the provider, by its own clock. */
  readonly happened: { readonly id: string; readonly at: number }[] = [];
  readonly polls: TriggerPoll[] = [];
  connection: ChosenConnection = { id: '01900000-0000-7000-8000-0000000000c1', plugin: 'books' };
  /** The next polls come to this. */
  troubles: Outcome<never>[] = [];
  /** Runs while a poll is under way. */
  meanwhile: () => Promise<void> | void = () => undefined;
  pageSize = 3;

  override manifests(): readonly TriggerManifest[] {
    const spec = { title: 'It changed', about: '', plugin: 'books', input: schema, output: schema, sample: { n: 1 } };
    return [
      { ...spec, name: 'books.changed', mode: 'poll', everyMs: 5_000 },
      { ...spec, name: 'books.pushed', mode: 'webhook' },
    ];
  }

  override choose(): Promise<ChosenConnection> {
    return Promise.resolve(this.connection);
  }

  /** From the cursor's time on, inclusive: the items of the last time are given again. A page holds all items of its last time. */
  override async poll(call: TriggerPoll): Promise<Outcome<Polled<Value>>> {
    this.polls.push(call);
    const trouble = this.troubles.shift();
    if (trouble) return trouble;
    const since = call.cursor === undefined ? undefined : Number(call.cursor);
    if (since === undefined) return ok({ items: [], cursor: String(Math.max(0, ...this.happened.map(({ at }) => at)) + 1) });
    const found = this.happened.filter(({ at }) => at >= since).toSorted((a, b) => a.at - b.at);
    const last =
      found
        .filter(({ at }) => at > since)
        .slice(0, this.pageSize)
        .at(-1)?.at ?? since;
    const page = found.filter(({ at }) => at <= last);
    await this.meanwhile();
    return ok({
      items: page.map(({ id, at }) => ({ id, data: { n: at } })),
      cursor: String(last),
      more: page.length < found.length,
    });
  }

  override read(_: WebhookConnection, __: string, ___: Value, { body }: RawWebhook): Promise<readonly TriggerItem<Value>[]> {
    const text = Buffer.from(body).toString('utf8');
    return Promise.resolve(text === '' ? [] : text.split(' ').map((id) => ({ id, data: { n: 1 } })));
  }
}

export const away = failed('temporary', 'The provider is away');
