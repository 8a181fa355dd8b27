import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';

/** A certificate of our own making, as PayPal's hosts would serve it, and the key that signs with it. */
export interface SigningCertificate {
  readonly pem: string;
  readonly key: KeyObject;
}

export interface CertificateOptions {
  readonly name?: string;
  /** Epoch milliseconds; default a day ago and a year from now. */
  readonly from?: number;
  readonly until?: number;
}

const DAY_MS = 86_400_000;
const SHA256_WITH_RSA = Buffer.from('06092a864886f70d01010b0500', 'hex');
const COMMON_NAME = Buffer.from('0603550403', 'hex');

/**
 * Makes a self-signed X.509 certificate. Node can read certificates and not make them, and a key in the repository would be one too
 * many; so the few fields that a reader looks at are written as DER here (RFC 5280 §4.1).
 */
export function makeCertificate(options: CertificateOptions = {}): SigningCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { name = 'messageverificationcerts.paypal.com', from = Date.now() - DAY_MS, until = Date.now() + 365 * DAY_MS } = options;
  const subject = der(0x30, der(0x31, der(0x30, COMMON_NAME, der(0x0c, Buffer.from(name)))));
  const algorithm = der(0x30, SHA256_WITH_RSA);
  const body = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    algorithm,
    subject,
    der(0x30, time(from), time(until)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = createSign('RSA-SHA256').update(body).sign(privateKey);
  const whole = der(0x30, body, algorithm, der(0x03, Buffer.from([0]), signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return { pem: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`, key: privateKey };
}

/** `YYMMDDhhmmssZ`: good until 2049. */
function time(at: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(at).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
}

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const bytes: number[] = [];
  for (let left = content.length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left % 256);
  const length = content.length < 128 ? [content.length] : [0x80 | bytes.length, ...bytes];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}
