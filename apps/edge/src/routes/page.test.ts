import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fastify from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installPage } from './page.js';

const TEXT = '<!doctype html><title>page</title>';
const app = fastify();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-page-'));
  await writeFile(join(folder, 'index.html'), TEXT);
  await writeFile(join(folder, 'index.html.gz'), gzipSync(TEXT));
  await installPage(app, folder);
});
afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

test('sends what the build compressed to whoever takes it, and says that it depends', async () => {
  const { headers, rawPayload } = await app.inject({ url: '/', headers: { 'accept-encoding': 'gzip, br' } });
  expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' });
  expect(headers['content-type']).toMatch(/^text\/html/);
  expect(rawPayload).toEqual(gzipSync(TEXT));
});

test('sends the plain file to whoever does not', async () => {
  const { headers, payload } = await app.inject({ url: '/' });
  expect(headers['content-encoding']).toBeUndefined();
  expect(payload).toBe(TEXT);
});
