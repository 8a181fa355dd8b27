import type { LookupAddress } from 'node:dns';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { EgressRules, parseAddress } from './egress-rules.ts';
import { HttpClient } from './http-client.ts';
import { guardedLookup, isPublicAddress } from './public-address.ts';

const CLOSED = [
  // loopback in every spelling a URL parser understands
  'https://127.0.0.1/',
  'https://127.1/',
  'https://127.0.1/',
  'https://2130706433/',
  'https://0x7f000001/',
  'https://0x7f.0.0.1/',
  'https://0177.0.0.1/',
  'https://017700000001/',
  'https://127.255.255.254/',
  'https://①②⑦.⓪.⓪.①/',
  'https://１２７.０.０.１/',
  'https://127。0。0。1/',
  'https://%31%32%37.0.0.1/',
  'https://127.0.0.1./',
  'https://[::1]/',
  'https://[0:0:0:0:0:0:0:1]/',
  // this network, private, link-local and metadata, carrier NAT, benchmarks, documentation, multicast, reserved, broadcast
  'https://0.0.0.0/',
  'https://0/',
  'https://0.1.2.3/',
  'https://10.0.0.1/',
  'https://10.255.255.255/',
  'https://167772161/',
  'https://172.16.0.1/',
  'https://172.31.255.255/',
  'https://192.168.0.1/',
  'https://3232235521/',
  'https://169.254.169.254/',
  'https://2852039166/',
  'https://0xa9fea9fe/',
  'https://169.254.170.2/',
  'https://100.64.0.1/',
  'https://100.127.255.255/',
  'https://198.18.0.1/',
  'https://192.0.0.1/',
  'https://192.0.2.1/',
  'https://198.51.100.1/',
  'https://203.0.113.1/',
  'https://224.0.0.1/',
  'https://239.255.255.255/',
  'https://240.0.0.1/',
  'https://255.255.255.255/',
  'https://192.88.99.1/',
  // IPv6: unspecified, unique local, link-local, multicast, documentation, discard
  'https://[::]/',
  'https://[fc00::1]/',
  'https://[fd00:ec2::254]/',
  'https://[fe80::1]/',
  'https://[febf::1]/',
  'https://[ff02::1]/',
  'https://[2001:db8::1]/',
  'https://[100::1]/',
  // IPv4 inside IPv6: mapped, compatible, NAT64, 6to4, Teredo
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[::ffff:169.254.169.254]/',
  'https://[::ffff:8.8.8.8]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[64:ff9b::127.0.0.1]/',
  'https://[2002:7f00:1::]/',
  'https://[2002:a9fe:a9fe::1]/',
  'https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/',
];
const REFUSED: readonly (readonly [string, string])[] = [
  ['http://api.example.com/', 'egress.scheme'],
  ['ftp://api.example.com/', 'egress.scheme'],
  ['file:///etc/passwd', 'egress.address'],
  ['gopher://api.example.com/', 'egress.scheme'],
  ['data:text/plain,x', 'egress.address'],
  ['javascript:alert(1)', 'egress.address'],
  ['//api.example.com/', 'egress.address'],
  ['api.example.com', 'egress.address'],
  ['', 'egress.address'],
  ['https://user:pass@api.example.com/', 'egress.credentials'],
  ['https://api.example.com@127.0.0.1/', 'egress.credentials'],
  ['https://api.example.com:22/', 'egress.port'],
  ['https://api.example.com:6379/', 'egress.port'],
  ['https://[fe80::1%25eth0]/', 'egress.address'],
  ['https://256.1.1.1/', 'egress.address'],
  ['https://1.2.3.4.5/', 'egress.address'],
];

function refusal(address: string, rules = new EgressRules()): string {
  try {
    return rules.destinationOf(parseAddress(address)).origin;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('an address that is called', () => {
  test.each(CLOSED)('%s is not on the public internet', (address) => {
    expect(refusal(address)).toBe('egress.private-address');
  });

  test.each(REFUSED)('%p is refused with %s', (address, code) => {
    expect(refusal(address)).toBe(code);
  });

  test.each(['https://api.example.com/x', 'https://api.example.com:8443/', 'https://8.8.8.8/', 'https://[2606:4700::1111]/'])(
    '%s is let out, guarded',
    (address) => {
      expect(new EgressRules().destinationOf(parseAddress(address))).toMatchObject({ guarded: true });
    },
  );

  test('is let out into the own network only where the operator says so, for that host and port', () => {
    const rules = new EgressRules(new Map([['https://api.example.com', 'http://127.0.0.1:1']]), [
      '10.0.0.5:8080',
      'erp.local',
      '10.0.0.6:443',
    ]);
    expect(rules.destinationOf(parseAddress('https://api.example.com/x'))).toEqual({
      origin: 'http://127.0.0.1:1',
      host: 'api.example.com',
      guarded: false,
    });
    expect(refusal('http://10.0.0.5:8080/', rules)).toBe('http://10.0.0.5:8080');
    expect(refusal('https://erp.local/', rules)).toBe('https://erp.local');
    expect(refusal('https://10.0.0.6/', rules)).toBe('https://10.0.0.6');
    expect(refusal('http://10.0.0.6/', rules)).toBe('egress.scheme');
    expect(refusal('https://10.0.0.5:8081/', rules)).toBe('egress.port');
    expect(refusal('https://10.0.0.5/', rules)).toBe('egress.private-address');
  });
});

describe('a name that is looked up', () => {
  const resolveTo = (...addresses: string[]) =>
    guardedLookup((_name, _options, callback) =>
      callback(
        null,
        addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })),
      ),
    );
  const look = (lookup: ReturnType<typeof guardedLookup>) =>
    new Promise((resolve) =>
      lookup('x.example', { all: true }, (error, found) => resolve(error ? (error as unknown as { code: string }).code : found)),
    );

  test('is refused when any of its addresses is private', async () => {
    expect(await look(resolveTo('8.8.8.8', '127.0.0.1'))).toBe('egress.private-address');
    expect(await look(resolveTo('::ffff:10.0.0.1'))).toBe('egress.private-address');
    expect(await look(resolveTo('8.8.8.8', '2606:4700::1111'))).toHaveLength(2);
  });

  test('cannot change its answer between check and connection: the request never leaves', async () => {
    let hits = 0;
    const server = createServer((_request, response) => {
      hits += 1;
      response.end();
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const client = new HttpClient(resolveTo('127.0.0.1'));
    const result = await client.send({
      destination: { origin: `http://rebind.example:${port}`, host: 'rebind.example', guarded: true },
      method: 'GET',
      path: '/',
      headers: [],
      timeoutMs: 1_000,
    });
    expect(result).toEqual({ kind: 'broken', left: false, reason: 'refused', refusedBy: 'egress.private-address' });
    expect(hits).toBe(0);
    await client.close();
    server.close();
  });

  test('what is not an address is not public', () => {
    expect(['', 'x', '1.2.3.4.5', '::g'].map(isPublicAddress)).toEqual([false, false, false, false]);
  });
});
