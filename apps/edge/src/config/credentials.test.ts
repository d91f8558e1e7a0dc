import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { TEST_CERTIFICATE, TEST_KEY } from '../testing/tls.js';
import { readJwt, readTls, readTokens, readTraces } from './credentials.js';

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-credentials-'));
afterAll(() => rmSync(folder, { recursive: true }));
const SECRET = 'a-secret-that-nobody-sees';

let numFiles = 0;
function fileOf(text: string): string {
  numFiles += 1;
  const file = join(folder, String(numFiles));
  writeFileSync(file, text);
  return file;
}

describe('tokens', () => {
  it('stand in the settings and one a line in a file', () => {
    const tokenFile = fileOf(`# of the shop\n${SECRET}-1\r\n\n  ${SECRET}-2\n`);
    expect(readTokens({ token: [SECRET], tokenFile })).toEqual([SECRET, `${SECRET}-1`, `${SECRET}-2`]);
  });

  it.each([
    ['there are none', '\n# nothing\n', 'no token in it'],
    ['one is none', `${SECRET}\n${SECRET} with a space\n`, 'line 2 is no token'],
  ])('of a file are refused when %s, without a word of them', (_, text, said) => {
    const read = () => readTokens({ token: [], tokenFile: fileOf(text) });
    expect(read).toThrow(said);
    expect(read).not.toThrow(SECRET);
  });
});

describe('keys of JWTs', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = publicKey.export({ format: 'pem', type: 'spki' });
  const jwk = publicKey.export({ format: 'jwk' });
  const of = (text: string) => readJwt({ jwtKeys: fileOf(text), jwtAudience: 'edge', jwtIssuer: undefined });

  it('come as PEM or as a key set', () => {
    expect(of(`${pem}${pem}`)?.keys.keys).toEqual([jwk, jwk]);
    expect(of(JSON.stringify({ keys: [jwk] }))?.keys.keys).toEqual([jwk]);
    expect(readJwt({ jwtKeys: undefined, jwtAudience: undefined, jwtIssuer: undefined })).toBeUndefined();
  });

  it.each([
    ['a private key', String(privateKey.export({ format: 'pem', type: 'pkcs8' })), 'public keys'],
    ['a shared secret', JSON.stringify({ keys: [{ kty: 'oct', k: SECRET }] }), 'public keys of type RSA'],
    ['no key', '{"keys": []}', 'public keys'],
    ['something else', SECRET, 'neither PEM nor JSON'],
  ])('that are %s are refused', (_, text, said) => {
    expect(() => of(text)).toThrow(said);
    expect(() => of(text)).not.toThrow(SECRET);
  });

  it('need an audience, and an audience needs them', () => {
    expect(() => readJwt({ jwtKeys: fileOf(String(pem)), jwtAudience: undefined, jwtIssuer: undefined })).toThrow(
      'jwtKeys needs jwtAudience',
    );
    expect(() => readJwt({ jwtKeys: undefined, jwtAudience: 'edge', jwtIssuer: undefined })).toThrow(
      'jwtKeys is missing',
    );
  });
});

describe('a certificate', () => {
  const tlsCert = fileOf(TEST_CERTIFICATE);
  const tlsKey = fileOf(TEST_KEY);

  it('and its key are read', () => {
    expect(readTls({ tlsCert, tlsKey })).toEqual({ cert: TEST_CERTIFICATE, key: TEST_KEY });
    expect(readTls({ tlsCert: undefined, tlsKey: undefined })).toBeUndefined();
  });

  it('is refused when something about it is wrong', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const other = fileOf(String(privateKey.export({ format: 'pem', type: 'pkcs8' })));
    expect(() => readTls({ tlsCert, tlsKey: undefined })).toThrow('tlsCert needs tlsKey');
    expect(() => readTls({ tlsCert, tlsKey: other })).toThrow(`tlsKey is "${other}": it is not the key of ${tlsCert}`);
    expect(() => readTls({ tlsCert: tlsKey, tlsKey })).toThrow('no certificate in PEM');
    expect(() => readTls({ tlsCert, tlsKey: tlsCert })).toThrow('no private key in PEM');
    expect(() => readTls({ tlsCert: join(folder, 'gone'), tlsKey })).toThrow('ENOENT');
  });
});

describe('headers for a collector', () => {
  it('are sent with the spans', () => {
    const traces = 'http://collector:4318/v1/traces';
    const tracesHeader = ['authorization=Basic YTpi==', 'x-tenant=1'];
    const headers = { authorization: 'Basic YTpi==', 'x-tenant': '1' };
    expect(readTraces({ traces, tracesHeader })).toEqual({ traces: { url: traces, headers } });
    expect(readTraces({ traces: undefined, tracesHeader: [] })).toEqual({});
  });

  it('without a collector are a mistake, which shows none of them', () => {
    const read = () => readTraces({ traces: undefined, tracesHeader: [`x-key=${SECRET}`] });
    expect(read).toThrow('tracesHeader needs traces');
    expect(read).not.toThrow(SECRET);
  });
});
