/**
 * The child process of one plugin: `main.ts <entry file> <gateway socket>`. Speaks `protocol.ts` over descriptor 3.
 *
 * It adds no safety of its own; whatever the plugin does to this process, the host survives it. An exception outside of a
 * call is left to Node, which ends the process, and the host starts a new one.
 */
import { Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import { isPlugin, type Context, type Plugin } from '@kassaflow/plugin-sdk';
import { describePlugin, methodOf } from './describe.ts';
import { lineReader, lineWriter, MAX_RESULT_BYTES, PIPE, type ToChild, type ToHost } from './protocol.ts';
import { WayOut } from './way-out.ts';

type Call = ToChild & { t: 'call' };

const [, , entry = '', gatewaySocket = ''] = process.argv;
const pipe = new Socket({ fd: PIPE });
const writeLine = lineWriter((text) => void pipe.write(text));
const wayOut = new WayOut(gatewaySocket);
const running = new Map<string, AbortController>();

pipe.on('end', () => process.exit());
pipe.on('error', () => process.exit());

const plugin = await load();
if (plugin) {
  pipe.on(
    'data',
    lineReader(
      Number.MAX_SAFE_INTEGER,
      (line) => receive(plugin, JSON.parse(line) as ToChild),
      () => undefined,
    ),
  ); // the host is trusted
  say({ t: 'manifest', manifest: describePlugin(plugin) });
}

async function load(): Promise<Plugin | undefined> {
  try {
    const loaded: unknown = await import(pathToFileURL(entry).href);
    const found: unknown = (loaded as { default?: unknown }).default;
    if (isPlugin(found)) return found;
    say({ t: 'broken', reason: 'the default export is not made by definePlugin' });
  } catch (error) {
    say({ t: 'broken', reason: messageOf(error) });
  }
  return undefined;
}

function receive(loaded: Plugin, message: ToChild): void {
  if (message.t === 'ping') say({ t: 'pong', n: message.n });
  else if (message.t === 'abort') running.get(message.id)?.abort(new Error('the call is over'));
  else void call(loaded, message);
}

async function call(loaded: Plugin, { id, path, context, input }: Call): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const method = methodOf(loaded, path);
    if (!method) throw new TypeError(`the plugin has no ${path}`);
    const value = await method(contextFor(id, context, controller.signal), argumentOf(path, input));
    answer(id, value);
  } catch (error) {
    const code = codeOf(error);
    say({ t: 'threw', id, message: messageOf(error), ...(code === undefined ? {} : { code }) });
  } finally {
    running.delete(id);
  }
}

function answer(id: string, value: unknown): void {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    return say({ t: 'invalid', id, reason: messageOf(error) });
  }
  if (text === undefined && value !== undefined) return say({ t: 'invalid', id, reason: `a ${typeof value} cannot be sent` });
  if (text !== undefined && Buffer.byteLength(text) > MAX_RESULT_BYTES)
    return say({ t: 'invalid', id, reason: 'the result is larger than 1 MiB' });
  writeLine(`{"t":"answer","id":${JSON.stringify(id)}${text === undefined ? '' : `,"value":${text}`}}`);
}

function contextFor(id: string, context: Call['context'], signal: AbortSignal): Context {
  const startedAt = performance.now();
  const log =
    (level: 'info' | 'warn') =>
    (message: string, facts?: Readonly<Record<string, unknown>>): void => {
      say({ t: 'log', id, level, message: String(message).slice(0, 2_000), ...(facts ? { facts } : {}) });
    };
  let agent: Context['agent'] | undefined;
  return {
    settings: context.settings,
    connection: context.connection,
    mode: context.mode,
    idempotencyKey: context.idempotencyKey,
    attempt: context.attempt,
    signal,
    fetch: wayOut.fetchFor(id, signal),
    get agent() {
      return (agent ??= wayOut.agentFor(id));
    },
    log: { info: log('info'), warn: log('warn') },
    now: () => new Date(context.now + performance.now() - startedAt),
  };
}

/** What the method takes: the bytes of a delivery travel as base64. */
function argumentOf(path: string, input: unknown): unknown {
  if (path === 'webhook.verify' || path === 'webhook.translate') return withBytes(input);
  if (!/^trigger:.*:read$/.test(path)) return input;
  const question = input as { delivery: unknown }; // written by the host
  return { ...question, delivery: withBytes(question.delivery) };
}

function withBytes(input: unknown): unknown {
  const delivery = input as { body: string }; // written by the host
  return { ...delivery, body: new Uint8Array(Buffer.from(delivery.body, 'base64')) };
}

function say(message: ToHost): void {
  let line: string;
  try {
    line = JSON.stringify(message);
  } catch {
    return; // only facts of a log line can be unprintable
  }
  if (line.length < 256 * 1024 || message.t !== 'log') writeLine(line);
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, 2_000);
}

function codeOf(error: unknown): string | undefined {
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code.slice(0, 100) : undefined;
}
