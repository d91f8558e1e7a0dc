import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JSONWebKeySet, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { PreparedModel } from '../../prepare/prepared.js';
import { MemoryCatalog } from '../../testing/memory-catalog.js';
import { bytes, floats, TestClient } from '../../testing/test-client.js';
import { slowModel, tinyModel } from '../../testing/tiny-models.js';
import type { ServerOptions } from '../options.js';
import { type RunningServer, startServer } from '../start.js';

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-access-'));
const TOKEN = 'the-right-token-of-this-edge';
const OTHER = 'another-right-token-of-it';
const APP = 'https://app.example';
const feeds = () => [bytes('mask', [1, 0, 2]), floats('x', [1, 4], [-1, 0.5, 2, 3])];

let tiny: PreparedModel;
let slow: PreparedModel;
let catalog: MemoryCatalog;
let server: RunningServer;

const start = async (more: Partial<ServerOptions>): Promise<RunningServer> => {
  server = await startServer({ catalog, port: 0, workers: 1, logLevel: 'silent', ...more });
  return server;
};

beforeAll(() => {
  tiny = tinyModel(objectsDir);
  slow = slowModel(objectsDir);
  catalog = new MemoryCatalog(tiny, slow);
});
afterEach(async () => await server.stop());
afterAll(() => rmSync(objectsDir, { recursive: true }));

async function get(path: string, headers: Record<string, string> = {}): Promise<{ status: number; code: unknown }> {
  const response = await fetch(`${server.url}${path}`, { headers });
  const body: unknown = await response.json();
  return {
    status: response.status,
    code: typeof body === 'object' && body !== null && 'code' in body ? body.code : '',
  };
}

/** The status that an upgrade is answered with; 101 when it is taken. */
async function upgrade(protocols: readonly string[], headers: Record<string, string> = {}): Promise<number> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/stream`, [...protocols], { headers });
  return await new Promise((resolve) => {
    socket.on('open', () => {
      // Never the token: what is selected is sent back, and logged by proxies.
      expect(socket.protocol).toBe('cutpoint.v1');
      socket.close();
      resolve(101);
    });
    socket.on('unexpected-response', (_, response: IncomingMessage) => resolve(response.statusCode ?? 0));
    socket.on('error', () => undefined);
  });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('loading and unloading models', () => {
  const ADMIN = 'the-token-of-an-operator';
  const unload = async (token?: string, headers = {}) => {
    const url = `${server.url}/v2/repository/models/nothing/unload`;
    return (await fetch(url, { method: 'POST', headers: { ...headers, ...(token && bearer(token)) } })).status;
  };

  it('is for every program of this machine where nobody else can come, and for no page of another site', async () => {
    await start({});
    expect(await unload()).toBe(404);
    expect(await unload(undefined, { origin: APP })).toBe(403);
  });

  it.each<[string, Partial<ServerOptions>, string | undefined]>([
    ['another address is listened on', { host: '0.0.0.0' }, undefined],
    ['a proxy may stand in front', { trustProxy: ['10.0.0.1'] }, undefined],
    ['clients have tokens', { tokens: [TOKEN] }, TOKEN],
  ])('is for nobody without a token of an operator where %s', async (_, more, token) => {
    await start(more);
    expect(await unload(token)).toBe(403);
    const index = await fetch(`${server.url}/v2/repository/index`, {
      method: 'POST',
      headers: token === undefined ? {} : bearer(token),
    });
    expect(index.status, 'what there is, every client may know').toBe(200);
    await server.stop();
    await start({ ...more, adminTokens: [ADMIN] });
    expect(await unload(token)).toBe(403);
    expect(await unload(ADMIN)).toBe(404);
  });

  it('takes a token that is good for all that clients may, too', async () => {
    await start({ tokens: [TOKEN], adminTokens: [ADMIN] });
    expect((await get('/v1/models', bearer(ADMIN))).status).toBe(200);
    expect((await get('/v1/models')).status).toBe(401);
    expect(await unload('a-token-that-is-nobodys')).toBe(401);
  });
});

describe('an edge with tokens', () => {
  const PATHS = ['/v1/models', '/v1/load', '/v1/models/tiny/manifest'];
  const INFER = '/v2/models/tiny/infer';
  const body = JSON.stringify({
    inputs: [
      { name: 'mask', datatype: 'UINT8', shape: [3], data: [1, 0, 2] },
      { name: 'x', datatype: 'FP32', shape: [1, 4], data: [-1, 0.5, 2, 3] },
    ],
  });

  it('gives nothing of its own to those who show none, or a wrong one', async () => {
    await start({ tokens: [TOKEN, OTHER] });
    for (const path of PATHS) {
      expect(await get(path)).toEqual({ status: 401, code: 'unauthorised' });
      for (const wrong of [`${TOKEN}x`, TOKEN.slice(1), TOKEN.toUpperCase(), '']) {
        expect(await get(path, bearer(wrong))).toEqual({ status: 401, code: 'unauthorised' });
      }
      expect((await get(path, { authorization: `Basic ${TOKEN}` })).status).toBe(401);
      expect((await get(`${path}?token=${TOKEN}`)).status).toBe(401);
    }
    const refused = await fetch(`${server.url}/v1/models`, { method: 'POST' });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('serves whoever shows one of them', async () => {
    await start({ tokens: [TOKEN, OTHER] });
    for (const token of [TOKEN, OTHER]) {
      expect((await get('/v1/models', bearer(token))).status).toBe(200);
      expect((await get('/v1/models', { authorization: `bearer ${token}` })).status).toBe(200);
    }
  });

  it('takes a WebSocket with the token as its second subprotocol or as a header, and no other', async () => {
    await start({ tokens: [TOKEN] });
    expect(await upgrade(['cutpoint.v1', `bearer.${TOKEN}`])).toBe(101);
    expect(await upgrade(['cutpoint.v1'], bearer(TOKEN))).toBe(101);
    expect(await upgrade(['cutpoint.v1'])).toBe(401);
    expect(await upgrade(['cutpoint.v1', `bearer.${TOKEN}x`])).toBe(401);
    expect(await upgrade(['cutpoint.v1', TOKEN])).toBe(401);
    // The header of an upgrade is no way into a document.
    expect((await get('/v1/models', { 'sec-websocket-protocol': `cutpoint.v1, bearer.${TOKEN}` })).status).toBe(401);
    const client = await TestClient.open(server.url, {}, TOKEN);
    client.infer(1, tiny, 0, feeds());
    expect((await client.result(1)).outputs.y).toEqual(new Float32Array([3, 7, 15, 24]));
    client.close();
  });

  it('runs nothing over KServe for those who show none, and says so in the form of that protocol', async () => {
    await start({ tokens: [TOKEN] });
    for (const path of ['/v2', '/v2/models/tiny', '/v2/models/tiny/ready', '/v2/models/tiny/versions/1']) {
      expect(await get(path)).toEqual({ status: 401, code: '' });
      expect((await get(path, bearer(TOKEN))).status).toBe(200);
    }
    for (const headers of [{}, bearer(OTHER)]) {
      const refused = await fetch(`${server.url}${INFER}`, { method: 'POST', body, headers });
      expect(refused.status).toBe(401);
      expect(await refused.json()).toEqual({ error: expect.stringContaining('token') });
    }
    const answered = await fetch(`${server.url}${INFER}`, { method: 'POST', body, headers: bearer(TOKEN) });
    expect(await answered.json()).toMatchObject({ outputs: [{ name: 'y', data: [3, 7, 15, 24] }, { name: 'z' }] });
  });

  it('describes its routes to everybody, and nothing of what it serves', async () => {
    await start({ tokens: [TOKEN] });
    for (const path of ['/docs', '/docs/', '/docs/static/index.css', '/openapi.json']) {
      const response = await fetch(`${server.url}${path}`);
      expect(response.status).toBe(200);
      expect(await response.text()).not.toMatch(new RegExp(`"tiny"|${TOKEN}`));
    }
    expect((await get('/docs/..%2Fv1/models')).status).not.toBe(200);
    expect((await get('/docsx')).status).toBe(401);
  });

  it('shows its health and its page to everybody', async () => {
    await start({ tokens: [TOKEN] });
    await server.warmedUp();
    for (const path of ['/healthz', '/readyz', '/v2/health/live', '/v2/health/ready']) {
      expect((await get(path)).status).toBe(200);
    }
    expect(await get('/')).toEqual({ status: 404, code: 'no_page' });
  });

  it('answers preflights of listed sites without one, and refuses other sites whatever they show', async () => {
    await start({ tokens: [TOKEN], origins: [APP] });
    const ask = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' };
    const preflight = await fetch(`${server.url}/v1/models`, { method: 'OPTIONS', headers: { origin: APP, ...ask } });
    expect(preflight.status).toBe(204);
    const refused = await fetch(`${server.url}/v1/models`, { headers: { origin: APP } });
    expect(refused.status).toBe(401);
    // Or the page could not tell that it needs a token.
    expect(refused.headers.get('access-control-allow-origin')).toBe(APP);
    expect(await upgrade(['cutpoint.v1', `bearer.${TOKEN}`], { origin: 'https://evil.example' })).toBe(403);
  });
});

describe('an edge that takes JWTs', () => {
  const first = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const second = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keys: JSONWebKeySet = {
    keys: [first, second].map(({ publicKey }) => ({
      ...publicKey.export({ format: 'jwk' }),
      kty: 'RSA',
    })) as JSONWebKeySet['keys'],
  };
  const jwt = { keys, audience: 'edge', issuer: 'https://login.example' };

  interface Claims {
    readonly aud?: string;
    readonly iss?: string;
    readonly sub?: string;
    readonly expiresInS?: number | null;
  }
  const sign = async (claims: Claims = {}, key: Parameters<SignJWT['sign']>[0] = first.privateKey, alg = 'RS256') => {
    const { aud = 'edge', iss = 'https://login.example', sub = 'ada', expiresInS = 60 } = claims;
    const token = new SignJWT().setProtectedHeader({ alg }).setAudience(aud).setIssuer(iss).setSubject(sub);
    if (expiresInS !== null) token.setExpirationTime(Math.floor(Date.now() / 1000) + expiresInS);
    return await token.sign(key);
  };

  it('lets in those whose token was signed by one of its keys, for it, by its issuer, and is not over', async () => {
    await start({ jwt, tokens: [TOKEN] });
    for (const token of [await sign(), await sign({}, second.privateKey), TOKEN]) {
      expect((await get('/v1/models', bearer(token))).status).toBe(200);
      expect(await upgrade(['cutpoint.v1', `bearer.${token}`])).toBe(101);
    }
  });

  it.each<[string, () => Promise<string>]>([
    [
      'signed by somebody else',
      async () => await sign({}, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
    ],
    ['for another service', async () => await sign({ aud: 'mail' })],
    ['of another issuer', async () => await sign({ iss: 'https://evil.example' })],
    ['over', async () => await sign({ expiresInS: -60 })],
    ['good for ever', async () => await sign({ expiresInS: null })],
    [
      'not signed',
      async () => `${btoa('{"alg":"none"}')}.${btoa('{"aud":"edge","exp":9999999999}')}.`.replaceAll('=', ''),
    ],
    [
      'signed with the public key as if it were a shared secret',
      async () => await sign({}, Buffer.from(first.publicKey.export({ format: 'pem', type: 'spki' })), 'HS256'),
    ],
    ['cut short', async () => (await sign()).slice(0, -10)],
    ['no JWT', async () => 'a.b.c'],
  ])('refuses one that is %s', async (_, token) => {
    await start({ jwt });
    expect(await get('/v1/models', bearer(await token()))).toEqual({ status: 401, code: 'unauthorised' });
  });

  it('closes a WebSocket when its token is over', async () => {
    await start({ jwt });
    // Clocks may differ by 30 s.
    const client = await TestClient.open(server.url, {}, await sign({ expiresInS: -28 }));
    expect(await client.until(() => client.closed)).toEqual({ code: 1008 });
  });

  it('keeps a WebSocket whose token is over by a clock that is ahead a little', async () => {
    await start({ jwt });
    const client = await TestClient.open(server.url, {}, await sign({ expiresInS: -5 }));
    await new Promise((resolve) => setTimeout(resolve, 300));
    client.send({ type: 'ping', id: 1 });
    await client.until(() => client.messages.find(({ type }) => type === 'pong'));
    client.close();
  });

  it('counts the connections of a subject, wherever it comes from', async () => {
    await start({ jwt, maxConnectionsPerClient: 1 });
    const ada = await TestClient.open(server.url, {}, await sign());
    expect(await upgrade(['cutpoint.v1', `bearer.${await sign()}`])).toBe(429);
    expect(await upgrade(['cutpoint.v1', `bearer.${await sign({ sub: 'eve' })}`])).toBe(101);
    ada.close();
  });
});

describe('one client', () => {
  it('is answered 429 beyond its rate, wrong tokens included, and served again when the second is over', async () => {
    await start({ tokens: [TOKEN], maxRequestsPerS: 5 });
    const statuses = await Promise.all(
      Array.from({ length: 12 }, async () => await get('/v1/models', bearer('wrong'))),
    );
    const limited = statuses.filter(({ status }) => status === 429);
    expect(limited.length).toBeGreaterThanOrEqual(2);
    expect(limited[0]).toEqual({ status: 429, code: 'rate_limited' });
    // A supervisor on the same machine still gets its answer.
    for (let index = 0; index < 20; index += 1) expect((await get('/healthz')).status).toBe(200);
    await vi.waitFor(async () => expect((await get('/v1/models', bearer(TOKEN))).status).toBe(200), {
      interval: 300,
      timeout: 5_000,
    });
  });

  it('is known by the address that a trusted proxy names, and by no other', async () => {
    const from = async (address: string) => (await get('/v1/load', { 'x-forwarded-for': address })).status;
    const burst = async (addresses: readonly string[]) => await Promise.all(addresses.map(from));
    const many = Array.from({ length: 12 }, (_, index) => `198.51.100.${index}`);
    await start({ maxRequestsPerS: 5 });
    expect(await burst(many)).toContain(429);
    await server.stop();
    await start({ maxRequestsPerS: 5, trustProxy: ['127.0.0.1'] });
    expect(await burst(many)).not.toContain(429);
    expect(await burst(many.map(() => '198.51.100.1'))).toContain(429);
    // One machine has all addresses of its /64 network.
    expect(await burst(many.map((_, index) => `2001:db8::${index + 1}`))).toContain(429);
  });

  it('may have so many connections; one more is refused, until one of them is gone', async () => {
    await start({ maxConnectionsPerClient: 2 });
    const [first] = [await TestClient.open(server.url), await TestClient.open(server.url)];
    expect(await upgrade(['cutpoint.v1'])).toBe(429);
    first?.close();
    await vi.waitFor(async () => expect(await upgrade(['cutpoint.v1'])).toBe(101));
  });

  it('may have so many requests unanswered, on all its connections together', async () => {
    await start({ maxInFlightPerClient: 3 });
    const [a, b] = [await TestClient.open(server.url), await TestClient.open(server.url)];
    for (const id of [1, 2]) a.infer(id, slow, 0, [floats('x', [1], [0])]);
    await a.until(() => a.messages.find((message) => message.type === 'load' && message.load.queueDepth === 1));
    b.infer(1, slow, 0, [floats('x', [1], [0])]);
    b.infer(2, slow, 0, [floats('x', [1], [0])]);
    expect(await b.errorOf(2)).toBe('too_many_in_flight');
    await Promise.all([a.result(1), a.result(2), b.result(1)]);
    b.infer(3, tiny, 0, feeds());
    await b.result(3);
    a.close();
    b.close();
  });

  it('is read no faster than its rate, loses nothing by it, and holds up no other', async () => {
    const PER_S = 50;
    await start({ maxMessagesPerS: PER_S, trustProxy: ['127.0.0.1'] });
    const flooding = await TestClient.open(server.url, { headers: { 'x-forwarded-for': '198.51.100.1' } });
    const other = await TestClient.open(server.url, { headers: { 'x-forwarded-for': '198.51.100.2' } });
    const startMs = performance.now();
    const pongs = (client: TestClient) => client.messages.filter(({ type }) => type === 'pong').length;
    for (let id = 0; id < 3 * PER_S; id += 1) {
      flooding.send({ type: 'ping', id });
      // One buffer of the socket is taken as a whole.
      if (id % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    other.send({ type: 'ping', id: 1 });
    await other.until(() => (pongs(other) === 1 ? true : undefined));
    const otherMs = performance.now() - startMs;
    await flooding.until(() => (pongs(flooding) === 3 * PER_S ? true : undefined));
    const floodMs = performance.now() - startMs;
    // A second's worth at once, the other two at the rate.
    expect(floodMs).toBeGreaterThan(1_500);
    expect(otherMs).toBeLessThan(floodMs / 2);
    flooding.close();
    other.close();
    await once(other.socket, 'close');
  });
});
