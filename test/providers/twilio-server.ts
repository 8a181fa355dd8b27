/**
 * Twilio's Messages API on this machine: enough for the official library not to notice.
 * `node test/providers/twilio-server.ts [port] [journal file]` runs it for a person.
 */
import { randomBytes } from 'node:crypto';
import { FaultScript, readFaults } from '../../plugins/sandbox/src/provider/fault-script.ts';
import { jsonReply, serveHttp, type Received, type Reply, type RunningServer } from '../../plugins/sandbox/src/provider/http-server.ts';
import { RequestLog } from './request-log.ts';

/** A message as Twilio shows it. */
export interface Message {
  readonly sid: string;
  readonly account_sid: string;
  readonly to: string;
  readonly from: string | null;
  readonly messaging_service_sid: string | null;
  readonly body: string;
  readonly status: string;
  readonly direction: 'outbound-api';
  readonly num_segments: string;
  readonly date_created: string;
  readonly date_sent: string | null;
}

export interface TwilioServerOptions {
  readonly port?: number;
  readonly accountSid?: string;
  readonly authToken?: string;
  /** Default `Full`. A trial account puts a sentence before every text. */
  readonly accountType?: 'Trial' | 'Full';
  readonly journalFile?: string;
}

export interface TwilioServer extends RunningServer {
  readonly accountSid: string;
  readonly authToken: string;
  readonly faults: FaultScript;
  readonly log: RequestLog;
  /** Everything that would have reached a phone, oldest first. */
  readonly messages: readonly Message[];
}

const PARAMETERS = new Set(['To', 'From', 'MessagingServiceSid', 'Body', 'StatusCallback', 'ValidityPeriod', 'SmartEncoded']);

/** Numbers that Twilio refuses, by their error code (https://www.twilio.com/docs/iam/test-credentials). */
const REFUSED: Readonly<Record<string, readonly [code: number, message: string]>> = {
  '+15005550001': [21211, "Invalid 'To' Phone Number: +15005550001"],
  '+15005550003': [21408, 'Permission to send an SMS has not been enabled for the region'],
  '+15005550004': [21610, 'Attempt to send to unsubscribed recipient'],
  '+15005550009': [21614, "'To' number is not a valid mobile number"],
};

export async function startTwilioServer(options: TwilioServerOptions = {}): Promise<TwilioServer> {
  const accountSid = options.accountSid ?? 'AC00000000000000000000000000000001';
  const authToken = options.authToken ?? '12345678901234567890123456789012';
  const accountType = options.accountType ?? 'Full';
  const faults = new FaultScript();
  const log = new RequestLog(options.journalFile);
  const messages: Message[] = [];

  const answer = (request: Received): Reply => {
    if (request.path === '/__faults') return addFaults(faults, request);
    if (request.path === '/__log') return jsonReply(200, log.all());
    const reply = route(request);
    log.add({
      operation: `${request.method} ${request.path.replace(accountSid, ':account')}`,
      idempotencyKey: '',
      executed: reply.status < 300,
      status: reply.status,
    });
    return reply;
  };
  const route = (request: Received): Reply => {
    const expected = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`;
    if (request.headers.authorization !== expected) return problem(401, 20003, 'Authenticate');
    const account = `/2010-04-01/Accounts/${accountSid}`;
    if (request.path === `${account}.json`)
      return jsonReply(200, { sid: accountSid, friendly_name: 'Local shop', status: 'active', type: accountType });
    if (request.path !== `${account}/Messages.json`) return problem(404, 20404, 'The requested resource was not found');
    return request.method === 'POST' ? create(request) : list(request);
  };
  const create = (request: Received): Reply => {
    const form = new URLSearchParams(request.body.toString('utf8'));
    const stranger = [...form.keys()].find((name) => !PARAMETERS.has(name));
    if (stranger !== undefined) return problem(400, 20001, `Unknown parameter ${stranger}`);
    const to = form.get('To') ?? '';
    const refused = REFUSED[to];
    if (refused) return problem(400, ...refused);
    const body = form.get('Body') ?? '';
    if (body === '') return problem(400, 21602, 'Message body is required');
    if (body.length > 1600) return problem(400, 21617, 'The concatenated message body exceeds the 1600 character limit');
    const message: Message = {
      sid: `SM${randomBytes(16).toString('hex')}`,
      account_sid: accountSid,
      to,
      from: form.get('From'),
      messaging_service_sid: form.get('MessagingServiceSid'),
      body: accountType === 'Trial' ? `Sent from your Twilio trial account - ${body}` : body,
      status: 'queued',
      direction: 'outbound-api',
      num_segments: '1',
      date_created: new Date().toUTCString(),
      date_sent: null,
    };
    messages.push(message);
    return jsonReply(201, message);
  };
  const list = (request: Received): Reply => {
    const found = messages.filter((message) => message.to === request.query.get('To')).reverse();
    return jsonReply(200, { messages: found, page: 0, page_size: 50, next_page_uri: null });
  };

  const server = await serveHttp({
    port: options.port ?? 0,
    faults,
    handle: answer,
    faultReply: (status) => problem(status, status === 429 ? 20429 : 20500, 'A scripted fault'),
  });
  const close = async (): Promise<void> => {
    await server.close();
    log.close();
  };
  return { ...server, accountSid, authToken, faults, log, messages, close };
}

function problem(status: number, code: number, message: string): Reply {
  return jsonReply(status, { status, code, message, more_info: `https://www.twilio.com/docs/errors/${code}` });
}

function addFaults(faults: FaultScript, request: Received): Reply {
  const script = readFaults(JSON.parse(request.body.toString('utf8')));
  if (!script) return jsonReply(400, { error: 'Send a list of {match, times, action}.' });
  faults.add(...script);
  return jsonReply(200, { added: script.length });
}

if (import.meta.main) {
  const [port = '0', journalFile] = process.argv.slice(2);
  const twilio = await startTwilioServer({ port: Number(port), ...(journalFile === undefined ? {} : { journalFile }) });
  process.stdout.write(`${JSON.stringify({ ready: true, url: twilio.url, accountSid: twilio.accountSid, authToken: twilio.authToken })}\n`);
  process.once('SIGTERM', () => void twilio.close());
}
