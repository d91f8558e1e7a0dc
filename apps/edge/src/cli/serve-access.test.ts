import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get as httpsGet } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type CliProcess, startCli, until } from '../testing/cli-process.js';
import { TestClient } from '../testing/test-client.js';
import { TEST_CERTIFICATE, TEST_KEY } from '../testing/tls.js';

/** Who gets in, with the real command line in a process of its own. */

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-cli-access-'));
const home = join(folder, 'home');
const TOKEN = 'the-right-token-of-this-edge';
const FILE_TOKEN = 'another-token-from-a-file';
const WRONG = 'some-token-that-it-does-not-know';

beforeAll(() => {
  mkdirSync(home);
  writeFileSync(join(folder, 'cert.pem'), TEST_CERTIFICATE);
  writeFileSync(join(folder, 'key.pem'), TEST_KEY);
  writeFileSync(join(folder, 'tokens'), `${FILE_TOKEN}\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

const serve = (args: readonly string[], env: Record<string, string> = {}): CliProcess =>
  startCli(['serve', '--port', '0', '--models', 'none', '--workers', '1', ...args], { cwd: folder, home, env });

async function stopped(edge: CliProcess): Promise<string> {
  edge.child.kill('SIGTERM');
  expect(await edge.ended).toBe(0);
  return edge.said();
}

describe('cutpoint serve', () => {
  it.each([['0.0.0.0'], ['::'], ['192.0.2.1'], ['edge.example']])(
    'does not listen on %s without a token',
    async (host) => {
      const edge = serve(['--host', host]);
      expect(await edge.ended).toBe(2);
      expect(edge.said()).toContain(`host is "${host}"`);
      expect(edge.said()).toContain('--insecure');
    },
  );

  it('does with one, and then wants it of everybody, of this machine too', async () => {
    const edge = serve(['--host', '0.0.0.0'], { CUTPOINT_SERVE_TOKEN: TOKEN });
    const url = await until(edge, /serves at (http:\S+)/);
    expect((await fetch(`${url}/v1/models`)).status).toBe(401);
    expect((await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(200);
    await stopped(edge);
  });

  it('does when it is told to be insecure', async () => {
    const edge = serve(['--host', '0.0.0.0', '--insecure']);
    const url = await until(edge, /serves at (http:\S+)/);
    expect((await fetch(`${url}/v1/models`)).status).toBe(200);
    await stopped(edge);
  });

  it('shows its settings, and no secret in anything that it says, whatever it is asked', async () => {
    const config = join(folder, 'cutpoint.json');
    writeFileSync(config, JSON.stringify({ maxQueue: 7, tokenFile: 'tokens' }));
    const edge = serve(['--config', config, '--log-level', 'debug'], { CUTPOINT_SERVE_TOKEN: TOKEN });
    const url = await until(edge, /serves at (http:\S+)/);
    for (const token of [TOKEN, FILE_TOKEN, WRONG]) {
      const headers = { authorization: `Bearer ${token}` };
      for (const path of ['/v1/models', '/v1/nothing', '/v1/models/%zz/manifest', '/v1/stream']) {
        await fetch(`${url}${path}`, { headers });
        await fetch(`${url}${path}`, { headers, method: 'POST', body: '{' });
      }
      await new Promise((resolve) => {
        const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream`, ['cutpoint.v1', `bearer.${token}`], {
          headers,
        });
        socket.on('error', resolve);
        // No frame of a WebSocket, so that the edge has something to complain about.
        socket.on('upgrade', ({ socket: tcp }) => tcp.write(Buffer.alloc(64, 0xff)));
        socket.on('close', resolve);
      });
    }
    const said = await stopped(edge);
    expect(said).toContain('maxQueue = 7 (file)');
    expect(said).toContain('token = *** (environment)');
    expect(said).toContain('"token":"***"');
    expect(said).toContain('connection broken');
    for (const secret of [TOKEN, FILE_TOKEN, WRONG]) expect(said).not.toContain(secret);
  });

  it('serves https and wss with a certificate', async () => {
    const edge = serve(['--tls-cert', 'cert.pem', '--tls-key', 'key.pem', '--token-file', 'tokens']);
    const url = await until(edge, /serves at (https:\S+)/);
    const status = await new Promise((resolve, reject) => {
      httpsGet(`${url}/healthz`, { ca: TEST_CERTIFICATE }, (response) => resolve(response.resume().statusCode)).on(
        'error',
        reject,
      );
    });
    expect(status).toBe(200);
    const client = await TestClient.open(url, { ca: TEST_CERTIFICATE }, FILE_TOKEN);
    client.send({ type: 'ping', id: 1 });
    await client.until(() => client.messages.find(({ type }) => type === 'pong'));
    // The edge's own page, by the name in the address bar.
    const page = await TestClient.open(url, { ca: TEST_CERTIFICATE, origin: url }, FILE_TOKEN);
    expect(page.messages[0]?.type).toBe('welcome');
    await expect(TestClient.open(url, {}, FILE_TOKEN)).rejects.toThrow(/self-signed/);
    await expect(fetch(url.replace('https', 'http'))).rejects.toThrow();
    await stopped(edge);
  });

  it.each<[string, readonly string[], Record<string, string>, string]>([
    ['a file of settings that is not there', ['--config', 'gone.json'], {}, 'gone.json cannot be read'],
    [
      'a wrong variable',
      [],
      { CUTPOINT_SERVE_TOKENS: TOKEN },
      'CUTPOINT_SERVE_TOKENS; did you mean CUTPOINT_SERVE_TOKEN?',
    ],
    ['a key without its certificate', ['--tls-key', 'key.pem'], {}, 'tlsKey needs tlsCert'],
    ['a file of tokens that is not there', ['--token-file', 'gone'], {}, 'tokenFile is "gone": ENOENT'],
  ])('does not start with %s', async (_, args, env, said) => {
    const edge = serve(args, env);
    expect(await edge.ended).toBe(2);
    expect(edge.said()).toContain(said);
    expect(edge.said()).toContain('(bad_config)');
    expect(edge.said()).not.toContain(TOKEN);
  });
});
