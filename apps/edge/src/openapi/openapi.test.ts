import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PreparedModel } from '../prepare/prepared.js';
import { type RunningServer, startServer } from '../server/start.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { tinyModel } from '../testing/tiny-models.js';

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-openapi-'));
const METHODS = ['get', 'post'] as const;
let tiny: PreparedModel;
let server: RunningServer;
let document: OpenApi;

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Partial<Record<(typeof METHODS)[number], Operation>>>>>;
}

beforeAll(async () => {
  tiny = tinyModel(objectsDir);
  const catalog = new MemoryCatalog(tiny);
  catalog.set({ name: 'late', version: '1', description: '', status: 'failed', reason: 'no ONNX file' });
  server = await startServer({ catalog, port: 0, workers: 1, logLevel: 'silent' });
  document = JSON.parse(await (await fetch(`${server.url}/openapi.json`)).text());
});

afterAll(async () => {
  await server.stop();
  rmSync(objectsDir, { recursive: true });
});

describe('the OpenAPI document', () => {
  it('is valid', async () => {
    const result = await new Validator().validate(JSON.parse(JSON.stringify(document)));
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
  });

  it('describes every route of the API, and says of each what it is for', () => {
    const paths = Object.keys(document.paths);
    expect(paths.sort()).toEqual(
      [
        '/healthz',
        '/metrics',
        '/readyz',
        '/v1/graphs/{sha256}',
        '/v1/load',
        '/v1/models',
        '/v1/models/{name}/manifest',
        '/v1/packs/{sha256}',
        '/v1/stream',
        '/v1/tables/{sha256}',
        '/v2',
        '/v2/health/live',
        '/v2/health/ready',
        '/v2/models/{name}',
        '/v2/models/{name}/infer',
        '/v2/models/{name}/ready',
        '/v2/models/{name}/versions/{version}',
        '/v2/models/{name}/versions/{version}/infer',
        '/v2/models/{name}/versions/{version}/ready',
        '/v2/repository/index',
        '/v2/repository/models/{name}/load',
        '/v2/repository/models/{name}/unload',
      ].sort(),
    );
    const operations = paths.flatMap((path) => METHODS.flatMap((method) => document.paths[path]?.[method] ?? []));
    for (const { summary, tags, responses } of operations) {
      expect(summary).toBeTypeOf('string');
      expect(tags).toHaveLength(1);
      expect(Object.keys(responses).length).toBeGreaterThan(0);
    }
  });

  const x = { name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] };
  const mask = { name: 'mask', shape: [3], datatype: 'UINT8', data: [1, 0, 2] };
  it.each<[string, string, object | undefined, number]>([
    ['/v1/models', '/v1/models', undefined, 200],
    ['/v1/load', '/v1/load', undefined, 200],
    ['/v1/models/{name}/manifest', '/v1/models/tiny/manifest', undefined, 200],
    ['/v1/models/{name}/manifest', '/v1/models/nothing/manifest', undefined, 404],
    ['/v1/models/{name}/manifest', '/v1/models/late/manifest', undefined, 503],
    ['/v1/tables/{sha256}', '/v1/tables/TABLE', undefined, 200],
    ['/v1/tables/{sha256}', '/v1/tables/nothing', undefined, 404],
    ['/v1/stream', '/v1/stream', undefined, 426],
    ['/v2', '/v2', undefined, 200],
    ['/v2/health/live', '/v2/health/live', undefined, 200],
    ['/v2/health/ready', '/v2/health/ready', undefined, 200],
    ['/v2/models/{name}', '/v2/models/tiny@1', undefined, 200],
    ['/v2/models/{name}/versions/{version}', '/v2/models/tiny/versions/9', undefined, 404],
    ['/v2/models/{name}', '/v2/models/late', undefined, 503],
    ['/v2/models/{name}/ready', '/v2/models/tiny/ready', undefined, 200],
    ['/v2/models/{name}/ready', '/v2/models/late/ready', undefined, 503],
    ['/v2/models/{name}/infer', '/v2/models/tiny/infer', { id: 'a', inputs: [mask, x] }, 200],
    ['/v2/models/{name}/infer', '/v2/models/tiny/infer', { inputs: [x] }, 400],
    ['/v2/models/{name}/infer', '/v2/models/late/infer', {}, 503],
    ['/v2/repository/index', '/v2/repository/index', {}, 200],
    ['/v2/repository/index', '/v2/repository/index', { ready: 1 }, 400],
    ['/v2/repository/models/{name}/load', '/v2/repository/models/nothing/load', {}, 404],
    ['/v2/repository/models/{name}/unload', '/v2/repository/models/nothing/unload', {}, 404],
  ])('says what %s gives: %#', async (path, url, body, status) => {
    const [table = ''] = tiny.tables.keys();
    const response = await fetch(
      `${server.url}${url.replace('TABLE', table)}`,
      body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) },
    );
    expect(response.status).toBe(status);
    const method = body === undefined ? 'get' : 'post';
    const described = document.paths[path]?.[method]?.responses[status]?.content?.['application/json'];
    expect(described).toBeDefined();
    const ajv = new Ajv({ strict: false, allErrors: true });
    ajv.addSchema(document, 'document');
    const pointer = ['paths', path, method, 'responses', status, 'content', 'application/json', 'schema'];
    const at = pointer.map((key) => encodeURIComponent(String(key).replaceAll('~', '~0').replaceAll('/', '~1')));
    const validate = ajv.compile({ $ref: `document#/${at.join('/')}` });
    validate(await response.json());
    expect(validate.errors ?? []).toEqual([]);
  });
});
