import { afterEach, describe, expect, it } from 'vitest';
import { fetchCutTable } from './cut-table.js';
import { EdgeHttp } from './http.js';
import { fetchManifest } from './manifest.js';
import { HttpEdge } from './testing/http-edge.js';
import { tinyManifest, tinyTable } from './testing/tiny-edge.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const MANIFEST = '/v1/models/tiny/manifest';
const LIST = '/v1/models';
const NOT_READY = { status: 503, body: { code: 'model_not_ready', message: 'not yet' } };
const PREPARING = { status: 202, body: { name: 'tiny', version: '1', description: '', status: 'preparing' } };

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** @param answers by path, one after another, the last one for good */
async function serve(answers: Record<string, Answer[]>) {
  const edge = await HttpEdge.listen(({ url = '' }, response) => {
    const queue = answers[url] ?? [];
    const { status, body } = (queue.length > 1 ? queue.shift() : queue[0]) ?? { status: 404, body: {} };
    response.writeHead(status).end(JSON.stringify(body));
  });
  cleanups.push(() => edge.close());
  return new EdgeHttp(edge.baseUrl, undefined);
}

const listed = (...models: object[]): Answer => ({
  status: 200,
  body: { models: models.map((model) => ({ version: '1', description: '', ...model })) },
});
const tiny = tinyManifest(tinyTable());

describe('the manifest', () => {
  it('is waited for while the edge prepares the model, and says how far that is', async () => {
    const http = await serve({
      [MANIFEST]: [PREPARING, { status: 200, body: tiny }],
      [LIST]: [
        listed({ name: 'tiny', status: 'preparing', progress: { stage: 'profile', done: 1, total: 2 } }),
        listed({ name: 'tiny', status: 'ready' }),
      ],
    });
    const said: (string | undefined)[] = [];
    expect(await fetchManifest(http, 'tiny', ({ detail }) => said.push(detail))).toEqual(tiny);
    expect(said).toEqual([undefined, 'the edge prepares the model: profile']);
  });

  it('is asked for again where only that has the edge prepare the model', async () => {
    const http = await serve({
      [MANIFEST]: [NOT_READY, PREPARING, { status: 200, body: tiny }],
      [LIST]: [
        listed({ name: 'tiny', status: 'on-demand' }),
        listed({ name: 'tiny', status: 'preparing' }),
        listed({ name: 'tiny', status: 'ready' }),
      ],
    });
    expect(await fetchManifest(http, 'tiny', () => {})).toEqual(tiny);
  });

  it('is given up when the model cannot be prepared, with the reason', async () => {
    const failed = { name: 'tiny', status: 'failed', code: 'bad_graph', reason: 'a node has no name' };
    const http = await serve({ [MANIFEST]: [NOT_READY], [LIST]: [listed(failed)] });
    await expect(fetchManifest(http, 'tiny', () => {})).rejects.toMatchObject({
      code: 'model_not_ready',
      edgeCode: 'bad_graph',
      message: /a node has no name/,
    });
  });

  it('is asked for no more than once more of a model that is said to be ready', async () => {
    const http = await serve({ [MANIFEST]: [NOT_READY], [LIST]: [listed({ name: 'tiny', status: 'ready' })] });
    await expect(fetchManifest(http, 'tiny', () => {})).rejects.toMatchObject({ code: 'model_not_ready' });
  });

  it('of no model names those that there are', async () => {
    const http = await serve({ [LIST]: [listed({ name: 'a', status: 'ready' }, { name: 'b', status: 'missing' })] });
    await expect(fetchManifest(http, 'tiny', () => {})).rejects.toMatchObject({
      code: 'unknown_model',
      message: 'There is no model "tiny" at this edge; it serves "a", "b".',
    });
  });

  it('of another version is not understood', async () => {
    const http = await serve({ [MANIFEST]: [{ status: 200, body: { ...tiny, format: 'cutpoint.manifest.v9' } }] });
    await expect(fetchManifest(http, 'tiny', () => {})).rejects.toMatchObject({ code: 'bad_manifest' });
  });

  it('wants a token where there is one to be had', async () => {
    const http = await serve({ [MANIFEST]: [{ status: 401, body: {} }] });
    await expect(fetchManifest(http, 'tiny', () => {})).rejects.toMatchObject({ code: 'unauthorised' });
  });

  it('is waited for no longer than the caller likes', async () => {
    const http = await serve({ [MANIFEST]: [NOT_READY], [LIST]: [listed({ name: 'tiny', status: 'preparing' })] });
    const abort = new AbortController();
    const caught = expect(fetchManifest(http, 'tiny', () => {}, abort.signal)).rejects.toMatchObject({
      code: 'aborted',
    });
    setTimeout(() => abort.abort(), 50);
    await caught;
  });
});

describe('the cut table', () => {
  const table = 'a'.repeat(64);

  it('is read', async () => {
    const http = await serve({ [`/v1/tables/${table}`]: [{ status: 200, body: tinyTable() }] });
    expect(await fetchCutTable(http, table)).toEqual(tinyTable());
  });

  it('that is gone means another version of the model', async () => {
    const http = await serve({});
    await expect(fetchCutTable(http, table)).rejects.toMatchObject({ code: 'stale_manifest' });
  });

  it('that is none is not understood', async () => {
    const http = await serve({ [`/v1/tables/${table}`]: [{ status: 200, body: { cuts: 5 } }] });
    await expect(fetchCutTable(http, table)).rejects.toMatchObject({ code: 'bad_manifest' });
  });
});
