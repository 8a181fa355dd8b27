/**
 * A real browser for tests: Chromium, spoken to in its own protocol (https://chromedevtools.github.io/devtools-protocol/) over Node's
 * WebSocket. It needs no package, only the program: `KASSAFLOW_CHROMIUM`, or `chromium` on the path.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../support/until.ts';

type Json = Readonly<Record<string, unknown>>;
interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Json;
  readonly result?: Json;
  readonly error?: { readonly message: string };
}

/** An answer in place of the network's. */
export interface Stand {
  /** `https://js.acme.example/*`. */
  readonly pattern: string;
  readonly type: string;
  readonly body: string;
}

const FLAGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--remote-debugging-port=0'];

/** One running Chromium. */
export class Chromium {
  #next = 0;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #tabs = new Map<string, (message: Message) => void>();
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #socket: WebSocket;

  private constructor(process: ChildProcess, folder: string, socket: WebSocket) {
    this.#process = process;
    this.#folder = folder;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#hear(JSON.parse(String(data)) as Message));
  }

  static async start(): Promise<Chromium> {
    const folder = mkdtempSync(join(tmpdir(), 'kassaflow-chromium-'));
    const program = process.env['KASSAFLOW_CHROMIUM'] ?? 'chromium';
    const child = spawn(program, [...FLAGS, `--user-data-dir=${folder}`, 'about:blank'], { stdio: 'ignore' });
    let problem = '';
    child.once('error', (error) => (problem = `${program} could not be started: ${error.message}. Set KASSAFLOW_CHROMIUM.`));
    const file = join(folder, 'DevToolsActivePort');
    await until(
      () => existsSync(file) && readFileSync(file, 'utf8').includes('\n'),
      () => problem || 'Chromium did not open its port',
      60_000,
      () => problem !== '',
    );
    const [port, path] = readFileSync(file, 'utf8').split('\n');
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
    await new Promise((done, fail) => {
      socket.addEventListener('open', done, { once: true });
      socket.addEventListener('error', fail, { once: true });
    });
    return new Chromium(child, folder, socket);
  }

  /** A window of a person of its own: its tabs share cookies and channels with nobody else's. */
  async person(): Promise<{ tab: (options?: TabOptions) => Promise<Tab> }> {
    const { browserContextId } = await this.send('Target.createBrowserContext');
    return { tab: (options) => this.#openTab(String(browserContextId), options) };
  }

  async close(): Promise<void> {
    const ended = new Promise((done) => this.#process.once('exit', done));
    this.#socket.close();
    this.#process.kill('SIGKILL');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  send(method: string, params: Json = {}, sessionId?: string): Promise<Json> {
    const id = (this.#next += 1);
    return new Promise((done, fail) => {
      this.#waiting.set(id, ({ result, error }) => (error ? fail(new Error(`${method}: ${error.message}`)) : done(result ?? {})));
      this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) }));
    });
  }

  async #openTab(browserContextId: string, options: TabOptions = {}): Promise<Tab> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab((method, params) => this.send(method, params, String(sessionId)));
    this.#tabs.set(String(sessionId), (message) => tab.hear(message.method ?? '', message.params ?? {}));
    await tab.prepare(options);
    return tab;
  }

  #hear(message: Message): void {
    if (message.id === undefined) return this.#tabs.get(message.sessionId ?? '')?.(message);
    this.#waiting.get(message.id)?.(message);
    this.#waiting.delete(message.id);
  }
}

export interface TabOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  /** As it goes to the printer. */
  readonly onPaper?: boolean;
  readonly javaScript?: boolean;
  /** Patterns of addresses that its pages do not reach. */
  readonly blocked?: readonly string[];
  /** What stands in for other hosts; everything else that is not on this machine fails. */
  readonly stands?: readonly Stand[];
}

/** One tab. What its page complains about, by the console, an exception or the policy, is in `complaints`. */
export class Tab {
  readonly complaints: string[] = [];
  #stands: readonly Stand[] = [];
  readonly #send: (method: string, params?: Json) => Promise<Json>;

  constructor(send: (method: string, params?: Json) => Promise<Json>) {
    this.#send = send;
  }

  async prepare(options: TabOptions): Promise<void> {
    const { width = 1_280, height = 800, dark = false, onPaper = false, javaScript = true, blocked = [], stands = [] } = options;
    this.#stands = stands;
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await this.#send(`${domain}.enable`);
    await this.#send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 500 });
    await this.#send('Emulation.setTouchEmulationEnabled', { enabled: width < 500 });
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
    await this.#send('Emulation.setEmulatedMedia', { features, ...(onPaper && { media: 'print' }) });
    await this.#send('Emulation.setScriptExecutionDisabled', { value: !javaScript });
    await this.#send('Network.setBlockedURLs', { urls: blocked });
    await this.#send('Fetch.enable', { patterns: [{ urlPattern: 'https://*' }] });
  }

  hear(method: string, params: Json): void {
    if (method === 'Fetch.requestPaused') void this.#answer(params);
    if (method === 'Log.entryAdded') this.complaints.push(String((params['entry'] as Json)['text']));
    if (method === 'Runtime.exceptionThrown') this.complaints.push(JSON.stringify(params['exceptionDetails']));
  }

  async goto(url: string): Promise<void> {
    await this.#send('Page.navigate', { url });
    await this.sees(`document.readyState === 'complete' && location.href.startsWith(${JSON.stringify(url.split('?')[0])})`);
  }

  reload(): Promise<Json> {
    return this.#send('Page.reload');
  }

  async back(): Promise<void> {
    const { currentIndex, entries } = await this.#send('Page.getNavigationHistory');
    const entry = (entries as readonly { id: number }[])[Number(currentIndex) - 1];
    if (entry) await this.#send('Page.navigateToHistoryEntry', { entryId: entry.id });
  }

  /** The value of a JavaScript expression in the page. Works without the page's own scripts too. */
  async read<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as { value: T }).value; // the caller knows what it asked for
  }

  /** Waits until the expression holds; a page that is being left does not count. */
  async sees(expression: string): Promise<void> {
    await until(
      () => this.read<boolean>(`Boolean(${expression})`).catch(() => false),
      () => `never: ${expression}; complaints: ${this.complaints.join(' | ')}`,
      20_000,
    );
  }

  async seesText(text: string): Promise<void> {
    await this.sees(`document.body?.innerText.includes(${JSON.stringify(text)})`);
  }

  /** As a mouse does it, in the middle of the element. */
  async click(selector: string, times = 1): Promise<void> {
    await this.sees(`document.querySelector(${JSON.stringify(selector)})`);
    const [x, y] = await this.read<[number, number]>(
      `(() => { const e = document.querySelector(${JSON.stringify(selector)}); e.scrollIntoView({ block: 'center' }); const { x, y, width, height } = e.getBoundingClientRect(); return [x + width / 2, y + height / 2]; })()`,
    );
    for (let clickCount = 1; clickCount <= times; clickCount += 1)
      for (const type of ['mousePressed', 'mouseReleased'])
        await this.#send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount });
  }

  async key(key: string, code = key, text?: string): Promise<void> {
    const windowsVirtualKeyCode = { Enter: 13, Tab: 9, ' ': 32, Escape: 27 }[key] ?? 0;
    for (const type of ['keyDown', 'keyUp'])
      await this.#send('Input.dispatchKeyEvent', {
        type,
        key,
        code,
        windowsVirtualKeyCode,
        ...(type === 'keyDown' && text !== undefined && { text }),
      });
  }

  async type(text: string): Promise<void> {
    await this.#send('Input.insertText', { text });
  }

  /** The whole page as PNG. */
  async picture(): Promise<Buffer> {
    const { data } = await this.#send('Page.captureScreenshot', { captureBeyondViewport: true });
    return Buffer.from(String(data), 'base64');
  }

  async #answer({ requestId, request }: Json): Promise<void> {
    const { url } = request as { url: string };
    const stand = this.#stands.find(({ pattern }) => new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(url));
    if (!stand) return void (await this.#send('Fetch.failRequest', { requestId, errorReason: 'NameNotResolved' }));
    const responseHeaders = [
      { name: 'content-type', value: stand.type },
      { name: 'access-control-allow-origin', value: '*' },
    ];
    await this.#send('Fetch.fulfillRequest', {
      requestId,
      responseCode: 200,
      responseHeaders,
      body: Buffer.from(stand.body).toString('base64'),
    });
  }
}
