import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CutTable, LoadReport, Manifest, ModelStatus } from '@cutpoint/protocol';
import type { FastifyInstance } from 'fastify';
import type { ModelEntry } from '../models/entry.js';
import { OPERATIONS } from '../openapi/operations.js';
import type { ServedModels } from '../server/catalog.js';
import { sendError } from '../server/http-errors.js';
import type { ObjectKind } from '../server/served-version.js';
import { CompressibleJson } from './compressible.js';

const FOR_EVER = 'public, max-age=31536000, immutable';
/** May be kept, and must be asked about before it is used. */
const REVALIDATE = 'no-cache';

interface DocumentSources {
  readonly models: ServedModels;
  readonly load: () => LoadReport;
  /** Started for demonstration. */
  readonly demo: boolean;
}

/** What a client downloads: lists, manifests, and everything that is named by its hash. */
export function installDocuments(app: FastifyInstance, { models, load, demo }: DocumentSources): void {
  const manifests = new WeakMap<Manifest, CompressibleJson>();
  const tables = new WeakMap<CutTable, CompressibleJson>();

  app.get('/v1/models', { schema: OPERATIONS.models }, async (_, reply) =>
    reply
      .header('cache-control', 'no-store')
      .send({ models: models.catalog.list().map(statusOf), ...(demo && { demo }) }),
  );

  app.get('/v1/load', { schema: OPERATIONS.load }, async (_, reply) =>
    reply.header('cache-control', 'no-store').send(load()),
  );

  app.get<{ Params: { name: string } }>(
    '/v1/models/:name/manifest',
    { schema: OPERATIONS.manifest },
    async (request, reply) => {
      const { name } = request.params;
      // Whoever asks for the manifest is about to use the model.
      await models.catalog.want(name);
      const entry = models.catalog.get(name);
      if (entry === undefined) {
        return sendError(reply, 404, 'unknown_model', `this edge has no model ${JSON.stringify(name.slice(0, 100))}`);
      }
      const manifest = entry.prepared?.manifest;
      if (manifest === undefined) {
        reply.header('retry-after', '1');
        const { status, reason } = entry;
        // No failure: a browser would write one on the console of a page that only has to wait.
        if (status === 'preparing') return reply.code(202).header('cache-control', 'no-store').send(statusOf(entry));
        return sendError(
          reply,
          503,
          'model_not_ready',
          `${name} is ${status}${reason === undefined ? '' : `: ${reason}`}`,
        );
      }
      const document = manifests.get(manifest) ?? new CompressibleJson(Buffer.from(JSON.stringify(manifest)));
      manifests.set(manifest, document);
      return await document.send(request, reply, REVALIDATE);
    },
  );

  app.get<{ Params: { sha256: string } }>(
    '/v1/tables/:sha256',
    { schema: OPERATIONS.table },
    async (request, reply) => {
      const { sha256 } = request.params;
      const table = models.table(sha256);
      const folder = models.folderOf('table', sha256);
      if (table === undefined || folder === undefined) {
        return sendError(reply, 404, 'unknown_object', unknownObject('table', sha256));
      }
      const document = tables.get(table) ?? new CompressibleJson(await readFile(join(folder, sha256)));
      tables.set(table, document);
      return await document.send(request, reply, FOR_EVER);
    },
  );

  for (const kind of ['graph', 'pack'] as const) {
    app.get<{ Params: { sha256: string } }>(
      `/v1/${kind}s/:sha256`,
      { schema: OPERATIONS[kind] },
      async (request, reply) => {
        const { sha256 } = request.params;
        const folder = models.folderOf(kind, sha256);
        if (folder === undefined) return sendError(reply, 404, 'unknown_object', unknownObject(kind, sha256));
        reply.header('cache-control', FOR_EVER).type('application/octet-stream');
        return reply.sendFile(sha256, folder, { cacheControl: false, contentType: false, lastModified: false });
      },
    );
  }
}

function unknownObject(kind: ObjectKind, sha256: string): string {
  return `no model that is ready names a ${kind} ${JSON.stringify(sha256.slice(0, 64))}; fetch the manifest again`;
}

function statusOf({ name, version, description, status, untrained, reason, code, progress }: ModelEntry): ModelStatus {
  return {
    name,
    version,
    description,
    status,
    ...(untrained === true && { untrained }),
    ...(reason === undefined ? {} : { reason }),
    ...(code === undefined ? {} : { code }),
    ...(progress === undefined
      ? {}
      : { progress: { stage: progress.stage, done: progress.done, total: progress.total } }),
  };
}
