import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** A mail as it arrived: the envelope, and the message with its headers as text. */
export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly message: string;
}

/** Where a scripted answer comes: at the recipient, or after the whole mail. `cut` closes the connection there. */
export interface MailFault {
  readonly at: 'recipient' | 'data';
  readonly answer: number | 'cut' | 'cut-after-taking';
}

export interface MailServer {
  readonly port: number;
  readonly mails: readonly ReceivedMail[];
  /** Answers still to come that are not `250`, oldest first. */
  readonly faults: MailFault[];
  close(): Promise<void>;
}

export interface MailServerOptions {
  /** With these a login is asked for. */
  readonly login?: { readonly username: string; readonly password: string };
  /** Offers STARTTLS with a certificate that nobody trusts. */
  readonly encryption?: boolean;
}

/** A mail server on this machine that keeps what it gets. */
export async function startMailServer({ login, encryption = false }: MailServerOptions = {}): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const faults: MailFault[] = [];
  const take = (at: MailFault['at']): MailFault['answer'] | undefined => {
    const index = faults.findIndex((fault) => fault.at === at);
    return index < 0 ? undefined : faults.splice(index, 1)[0]?.answer;
  };
  const options: SMTPServerOptions = {
    authOptional: login === undefined,
    allowInsecureAuth: true,
    closeTimeout: 100,
    disabledCommands: encryption ? [] : ['STARTTLS'],
    onAuth: (auth, _session, callback) =>
      auth.username === login?.username && auth.password === login?.password
        ? callback(null, { user: auth.username })
        : callback(refusal(535)),
    onRcptTo: (_address, _session, callback) => {
      const answer = take('recipient');
      callback(typeof answer === 'number' ? refusal(answer) : null);
    },
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const answer = take('data');
        if (typeof answer === 'number') return callback(refusal(answer));
        if (answer !== 'cut') {
          const { mailFrom, rcptTo } = session.envelope;
          mails.push({
            from: mailFrom === false ? '' : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            message: Buffer.concat(chunks).toString('utf8'),
          });
        }
        if (answer === undefined) return callback(null);
        for (const connection of server.connections) connection.close();
      });
    },
  };
  const server = new SMTPServer(options);
  server.on('error', () => undefined); // a client that cuts the line is what the tests are about
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    faults,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

function refusal(responseCode: number): Error {
  return Object.assign(new Error('A scripted answer'), { responseCode });
}
