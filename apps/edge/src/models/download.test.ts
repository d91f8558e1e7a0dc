import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DownloadProgress, download } from './download.js';
import { sha256Of } from './hash.js';

const CONTENT = randomBytes(300_000);
const SHA256 = sha256Of(CONTENT);
const ADDRESS = 'https://models.example/model.onnx';

let dir = '';
let file = '';
let server: Server | undefined;
let origin = '';
const seen: { url: string | undefined; range: string | undefined }[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cutpoint-download-'));
  file = join(dir, 'model.onnx');
  seen.length = 0;
});

afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  await rm(dir, { recursive: true });
});

type Handler = (request: IncomingMessage, response: ServerResponse, nth: number) => void;

async function serve(handler: Handler): Promise<void> {
  server = createServer((request, response) => {
    seen.push({ url: request.url, range: request.headers.range });
    handler(request, response, seen.length);
  });
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
  const address = server.address();
  origin = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
}

/** The address stays https for the code under test; only the socket below it is plain. */
const overLoopback: typeof fetch = (input, init) =>
  fetch(String(input).replace(/^https:\/\/models\.example/, origin), init);

const options = (extra: object = {}) => ({ file, sha256: SHA256, fetch: overLoopback, retryMs: 1, ...extra });

function answerRange(request: IncomingMessage, response: ServerResponse, content = CONTENT): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (from >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  const headers = { 'content-length': content.length - from };
  if (from === 0) response.writeHead(200, headers);
  else
    response.writeHead(206, {
      ...headers,
      'content-range': `bytes ${from}-${content.length - 1}/${content.length}`,
    });
  response.end(content.subarray(from));
}

/** Sends the first bytes and then cuts the connection. */
function breakOff(response: ServerResponse, numBytes: number): void {
  response.writeHead(200, { 'content-length': CONTENT.length });
  response.write(CONTENT.subarray(0, numBytes), () => setImmediate(() => response.destroy()));
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

describe('download', () => {
  it('writes the file, reports bytes of the total, and leaves no partial file', async () => {
    await serve((request, response) => answerRange(request, response));
    const progress: DownloadProgress[] = [];
    const result = await download(ADDRESS, options({ onProgress: (p: DownloadProgress) => progress.push(p) }));
    expect(result).toEqual({ sha256: SHA256, numBytes: CONTENT.length });
    expect(CONTENT.equals(await readFile(file))).toBe(true);
    expect(await exists(`${file}.part`)).toBe(false);
    expect(progress[0]).toEqual({ loadedBytes: 0, totalBytes: CONTENT.length });
    expect(progress.at(-1)).toEqual({ loadedBytes: CONTENT.length, totalBytes: CONTENT.length });
  });

  it('goes on where a broken connection ended', async () => {
    await serve((request, response, nth) => (nth === 1 ? breakOff(response, 100_000) : answerRange(request, response)));
    await download(ADDRESS, options());
    expect(CONTENT.equals(await readFile(file))).toBe(true);
    expect(seen.length).toBe(2);
    const from = Number(/bytes=(\d+)-/.exec(seen[1]?.range ?? '')?.[1]);
    expect(from).toBeGreaterThan(0);
    expect(from).toBeLessThanOrEqual(100_000);
  });

  it('starts again when the server ignores ranges', async () => {
    await serve((_request, response, nth) => {
      if (nth === 1) breakOff(response, 100_000);
      else response.writeHead(200, { 'content-length': CONTENT.length }).end(CONTENT);
    });
    await download(ADDRESS, options());
    expect(CONTENT.equals(await readFile(file))).toBe(true);
    expect(seen[1]?.range).toMatch(/^bytes=\d+-$/);
  });

  it('starts again when what was kept belongs to another file', async () => {
    await writeFile(`${file}.part`, randomBytes(50_000));
    await serve((request, response) => answerRange(request, response));
    await download(ADDRESS, options());
    expect(CONTENT.equals(await readFile(file))).toBe(true);
    expect(seen.map((request) => request.range)).toEqual(['bytes=50000-', undefined]);
  });

  it('starts again when more was kept than the file has', async () => {
    await writeFile(`${file}.part`, randomBytes(CONTENT.length + 10));
    await serve((request, response) => answerRange(request, response));
    await download(ADDRESS, options());
    expect(CONTENT.equals(await readFile(file))).toBe(true);
  });

  it('asks nobody when everything had arrived before', async () => {
    await writeFile(`${file}.part`, CONTENT);
    await serve((_request, response) => response.writeHead(500).end());
    await download(ADDRESS, options());
    expect(CONTENT.equals(await readFile(file))).toBe(true);
    expect(seen).toEqual([]);
  });

  it('refuses and deletes another content, and says both hashes', async () => {
    const lie = randomBytes(1000);
    await serve((_request, response) => response.writeHead(200).end(lie));
    const failure = download(ADDRESS, options());
    await expect(failure).rejects.toMatchObject({ code: 'wrong_hash' });
    await expect(failure).rejects.toThrow(sha256Of(lie));
    await expect(failure).rejects.toThrow(SHA256);
    expect(await exists(file)).toBe(false);
    expect(await exists(`${file}.part`)).toBe(false);
  });

  it('gives up on a 404 at once, and says so', async () => {
    await serve((_request, response) => response.writeHead(404, 'Not Found').end('nothing here'));
    await expect(download(ADDRESS, options())).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining('404 Not Found'),
    });
    expect(seen.length).toBe(1);
  });

  it('pauses before it comes back to a server in trouble, and can be stopped meanwhile', async () => {
    const stop = new AbortController();
    await serve((_request, response) => {
      response.writeHead(503).end();
      setTimeout(() => stop.abort(), 100);
    });
    await expect(download(ADDRESS, options({ retryMs: 30_000, signal: stop.signal }))).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(seen).toHaveLength(1);
  });

  it('gives up after the attempts it has, and keeps what arrived for the next time', async () => {
    await serve((_request, response) => breakOff(response, 1000));
    await expect(download(ADDRESS, options({ attempts: 3 }))).rejects.toMatchObject({ code: 'download_failed' });
    expect(seen.length).toBe(3);
    expect(await exists(`${file}.part`)).toBe(true);
  });

  it('does not wait for ever for a silent server', async () => {
    await serve((_request, response) => {
      response.writeHead(200, { 'content-length': CONTENT.length });
      response.write(CONTENT.subarray(0, 10));
    });
    await expect(download(ADDRESS, options({ stallMs: 50, attempts: 1 }))).rejects.toMatchObject({
      code: 'download_stalled',
    });
  });

  it('stops when asked to', async () => {
    const stop = new AbortController();
    await serve((_request, response) => {
      response.writeHead(200, { 'content-length': CONTENT.length });
      response.write(CONTENT.subarray(0, 10), () => stop.abort());
    });
    await expect(download(ADDRESS, options({ signal: stop.signal }))).rejects.toMatchObject({ code: 'aborted' });
    expect(seen.length).toBe(1);
  });

  it('refuses more bytes than are allowed, announced or not', async () => {
    await serve((_request, response, nth) => {
      if (nth === 1) response.writeHead(200, { 'content-length': CONTENT.length }).end(CONTENT);
      else response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(CONTENT);
    });
    for (let i = 0; i < 2; i++) {
      await expect(download(ADDRESS, options({ maxBytes: 1000 }))).rejects.toMatchObject({
        code: 'download_too_large',
      });
      expect(await exists(`${file}.part`)).toBe(false);
    }
  });

  it('follows redirects, but never away from https', async () => {
    await serve((request, response) => {
      if (request.url === '/model.onnx') response.writeHead(302, { location: '/moved' }).end();
      else if (request.url === '/moved') answerRange(request, response);
      else response.writeHead(302, { location: 'http://models.example/model.onnx' }).end();
    });
    await download(ADDRESS, options());
    expect(CONTENT.equals(await readFile(file))).toBe(true);
    await expect(download('https://models.example/leaves', options({ file: `${file}2` }))).rejects.toThrow(
      'not https: refused',
    );
  });
});
