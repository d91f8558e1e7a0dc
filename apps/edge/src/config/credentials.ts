import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { JSONWebKeySet } from 'jose';
import * as v from 'valibot';
import { ModelError, messageOf } from '../models/error.js';
import type { JwtOptions } from '../server/access/jwt.js';
import { isTokenText, TOKEN_TEXT } from '../server/access/static-tokens.js';
import type { TlsOptions } from '../server/options.js';
import type { TracesOptions } from '../traces/options.js';
import type { SettingValues } from './settings.js';

/** Public keys of JSON Web Key Sets: a shared secret (`oct`) would let the edge make tokens itself. */
const keySetSchema = v.object({
  keys: v.pipe(v.array(v.looseObject({ kty: v.picklist(['RSA', 'EC', 'OKP']) })), v.minLength(1)),
});
const PEM_BLOCK = /-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----/g;

/** The tokens of the settings and of their file. */
export function readTokens({ token, tokenFile }: Pick<SettingValues, 'token' | 'tokenFile'>): string[] {
  return [...token, ...tokensIn('tokenFile', tokenFile)];
}

/** Those of operators. */
export function readAdminTokens(values: Pick<SettingValues, 'adminToken' | 'adminTokenFile'>): string[] {
  return [...values.adminToken, ...tokensIn('adminTokenFile', values.adminTokenFile)];
}

function tokensIn(key: 'tokenFile' | 'adminTokenFile', file: string | undefined): readonly string[] {
  if (file === undefined) return [];
  const lines = readText(key, file).split(/\r?\n/);
  const inFile = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('# '));
  if (inFile.length === 0) throw wrong(key, file, 'there is no token in it');
  // A token is never shown, so its place is.
  const bad = lines.findIndex((line) => inFile.includes(line.trim()) && !isTokenText(line.trim()));
  if (bad !== -1) throw wrong(key, file, `line ${bad + 1} is no token; it must be ${TOKEN_TEXT}`);
  return inFile;
}

export function readJwt({
  jwtKeys,
  jwtAudience,
  jwtIssuer,
}: Pick<SettingValues, 'jwtKeys' | 'jwtAudience' | 'jwtIssuer'>): JwtOptions | undefined {
  if (jwtKeys === undefined) {
    if (jwtAudience === undefined && jwtIssuer === undefined) return undefined;
    throw bad(
      `${jwtAudience === undefined ? 'jwtIssuer' : 'jwtAudience'} says whose JWTs are taken, but jwtKeys is missing`,
    );
  }
  if (jwtAudience === undefined) {
    throw bad('jwtKeys needs jwtAudience: the issuer of these keys makes tokens for other services too');
  }
  const text = readText('jwtKeys', jwtKeys);
  const keys = text.includes('-----BEGIN') ? keysOfPem(text, jwtKeys) : keysOfJson(text, jwtKeys);
  return { keys, audience: jwtAudience, issuer: jwtIssuer };
}

export function readTls({ tlsCert, tlsKey }: Pick<SettingValues, 'tlsCert' | 'tlsKey'>): TlsOptions | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw bad(`${tlsCert === undefined ? 'tlsKey needs tlsCert' : 'tlsCert needs tlsKey'}: TLS takes both`);
  }
  const cert = readText('tlsCert', tlsCert);
  const key = readText('tlsKey', tlsKey);
  const certificate = attempt('tlsCert', tlsCert, 'no certificate in PEM', () => new X509Certificate(cert));
  const privateKey = attempt('tlsKey', tlsKey, 'no private key in PEM without a password', () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) throw wrong('tlsKey', tlsKey, `it is not the key of ${tlsCert}`);
  if (new Date(certificate.validTo) < new Date()) {
    throw wrong('tlsCert', tlsCert, `the certificate was valid until ${certificate.validTo}`);
  }
  return { cert, key };
}

/** A header for nobody is a mistake. */
export function readTraces({ traces, tracesHeader }: Pick<SettingValues, 'traces' | 'tracesHeader'>): {
  readonly traces?: TracesOptions;
} {
  if (traces !== undefined) {
    // Each has passed its setting's `accept`.
    const pairs = tracesHeader.map((item) => [item.slice(0, item.indexOf('=')), item.slice(item.indexOf('=') + 1)]);
    return { traces: { url: traces, headers: Object.fromEntries(pairs) } };
  }
  if (tracesHeader.length === 0) return {};
  throw bad('tracesHeader needs traces: there is no collector that it would be sent to');
}

function keysOfPem(text: string, file: string): JSONWebKeySet {
  const blocks = [...text.matchAll(PEM_BLOCK)].map(([block]) => block);
  if (blocks.length === 0 || blocks.some((block) => block.includes('PRIVATE'))) {
    throw wrong('jwtKeys', file, 'it must hold public keys; the private ones stay with the issuer');
  }
  return checkedKeys(
    {
      keys: blocks.map((block) =>
        attempt('jwtKeys', file, 'no public key in PEM', () => createPublicKey(block).export({ format: 'jwk' })),
      ),
    },
    file,
  );
}

function keysOfJson(text: string, file: string): JSONWebKeySet {
  return checkedKeys(
    attempt('jwtKeys', file, 'neither PEM nor JSON', (): unknown => JSON.parse(text)),
    file,
  );
}

function checkedKeys(json: unknown, file: string): JSONWebKeySet {
  const parsed = v.safeParse(keySetSchema, json);
  if (!parsed.success) throw wrong('jwtKeys', file, 'it must be {"keys": […]} with public keys of type RSA, EC or OKP');
  return parsed.output;
}

function readText(key: string, file: string): string {
  return attempt(key, file, undefined, () => readFileSync(file, 'utf8'));
}

/** @param reason in place of the error's own, which may quote what stands in the file. */
function attempt<T>(key: string, file: string, reason: string | undefined, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw wrong(key, file, reason ?? messageOf(cause), cause);
  }
}

function wrong(key: string, file: string, reason: string, cause?: unknown): ModelError {
  return new ModelError('bad_config', `${key} is ${JSON.stringify(file)}: ${reason}`, { cause });
}

function bad(message: string): ModelError {
  return new ModelError('bad_config', message);
}
