/** The outside world of the benchmark: takes the two HTTP calls of every run, answers at once, and remembers when. */
import { createServer, type AddressInfo, type Server } from 'node:net';
import { readMessages } from './http-over-net.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"ok":true}';
const REFERENCE = /"reference":"?(\d+)/;

/** Counts calls, and the moment of each run's last one. */
export class Sink {
  /** Calls of the second step. */
  receipts = 0;
  /** Calls of the third step, which is a run's last. */
  postings = 0;
  /** `performance.now()` of the last step's call, by the run's reference. */
  readonly postedAt = new Map<number, number>();
  readonly #server: Server;
  #changed = (): void => {};

  private constructor() {
    this.#server = createServer((socket) => {
      socket.setNoDelay(true);
      socket.on('error', () => socket.destroy());
      readMessages(socket, (head, body) => {
        socket.write(ANSWER);
        this.#count(head, body);
      });
    });
  }

  static async start(): Promise<Sink> {
    const sink = new Sink();
    await new Promise<void>((resolve) => sink.#server.listen(0, '127.0.0.1', resolve));
    return sink;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  reset(): void {
    this.receipts = 0;
    this.postings = 0;
    this.postedAt.clear();
  }

  /** Resolves when `runs` runs have made their last call. */
  async reached(runs: number): Promise<void> {
    if (this.postings >= runs) return;
    await new Promise<void>((resolve) => {
      this.#changed = () => {
        if (this.postings >= runs) resolve();
      };
    });
    this.#changed = () => {};
  }

  close(): void {
    this.#server.close();
  }

  #count(head: string, body: string): void {
    if (head.startsWith('POST /receipt')) {
      this.receipts += 1;
      return;
    }
    this.postings += 1;
    this.postedAt.set(Number(REFERENCE.exec(body)?.[1] ?? -1), performance.now());
    this.#changed();
  }
}
