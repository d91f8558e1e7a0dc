import { ProtocolError, type ProtocolErrorCode } from '@cutpoint/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refusalOf } from '../connection/answers.js';
import type { ConnectionContext } from '../connection/context.js';
import type { Course } from '../connection/settled.js';
import { JSON_ALLOWANCE_BYTES } from '../kserve/body-limit.js';
import { BodyThread } from '../kserve/body-thread.js';
import { Inferences } from '../kserve/inferences.js';
import { EXTENSIONS, modelMetadata } from '../kserve/metadata.js';
import { bodyEncoding } from '../kserve/read-body.js';
import { httpStatusOf, isPassing } from '../kserve/status.js';
import { findModel, findTarget, notReady, type Target } from '../kserve/target.js';
import { atVersion, OPERATIONS } from '../openapi/operations.js';
import { clientKey } from '../server/access/client-key.js';
import { sendV2Error } from '../server/http-errors.js';

const JSON_LENGTH = 'inference-header-content-length';

interface Params {
  readonly name: string;
  readonly version?: string;
}

/**
 * The KServe Open Inference Protocol over HTTP, with its binary tensor data extension; its health is elsewhere.
 * @param version this edge's own
 */
export async function installKserve(
  app: FastifyInstance,
  context: ConnectionContext,
  version: string,
): Promise<Inferences> {
  const { models, limits } = context;
  const maxBodyBytes = limits.maxRequestBytes + JSON_ALLOWANCE_BYTES;
  const bodies = new BodyThread(context.clock, (error) =>
    app.log.error({ err: error }, 'the thread for bodies failed and is replaced'),
  );
  const inferences = new Inferences(context, bodies, maxBodyBytes);
  app.addHook('preClose', async () => await inferences.close());
  app.addHook('onClose', async () => await bodies.close());

  app.get('/v2', { schema: OPERATIONS.server }, async () => ({ name: 'cutpoint', version, extensions: EXTENSIONS }));

  const readiness = async ({ params }: FastifyRequest<{ Params: Params }>, reply: FastifyReply) => {
    const found = findModel(params.name, params.version, models);
    if (found instanceof ProtocolError) return refuse(reply, found, context);
    reply.header('cache-control', 'no-store');
    const target = findTarget(params.name, params.version, models);
    if (!(target instanceof ProtocolError)) return reply.send({ name: params.name, ready: true });
    if (target.code !== 'model_not_ready') return refuse(reply, target, context);
    return reply.code(503).send({ name: params.name, ready: false, error: notReady(found.entry) });
  };

  const metadata = async ({ params }: FastifyRequest<{ Params: Params }>, reply: FastifyReply) => {
    const target = await wantedTarget(params, context);
    if (target instanceof ProtocolError) return refuse(reply, target, context);
    return reply.header('cache-control', 'no-store').send(modelMetadata(target));
  };

  /** Before it came to an inference. @returns the model, if there is one of that name */
  const countRefused = ({ name, version }: Params, code: ProtocolErrorCode, course: Course) => {
    const found = findModel(name, version, models);
    const model = found instanceof ProtocolError ? undefined : found.entry.name;
    context.onSettled({ model, code, receivedBytes: 0, sentBytes: 0, course });
    return model;
  };

  const infer = async (request: FastifyRequest<{ Params: Params }>, reply: FastifyReply) => {
    const asked = courseOf(request, context.clock());
    const target = await wantedTarget(request.params, context);
    if (target instanceof ProtocolError) {
      const model = countRefused(request.params, target.code, asked);
      return refuseInference(reply, target, { context, model });
    }
    const course = { ...asked, cut: target.forms[0].served.cut.id };
    const encoding = bodyEncoding(request.raw);
    if (encoding === null) {
      countRefused(request.params, 'bad_message', course);
      return sendV2Error(reply, 415, 'bodies are read as they are, or compressed by gzip or deflate (zlib)');
    }
    const jsonBytes = jsonLength(request);
    if (jsonBytes === null) {
      countRefused(request.params, 'bad_message', course);
      return sendV2Error(reply, 400, 'Inference-Header-Content-Length is no whole number');
    }
    try {
      const { raw } = request;
      const call = { request: raw, response: reply.raw, target, clientKey: clientKey(request), encoding, jsonBytes };
      const written = await inferences.infer({ ...call, course });
      reply.header('cache-control', 'no-store');
      reply.type(written.jsonBytes === undefined ? 'application/json' : 'application/octet-stream');
      if (written.jsonBytes !== undefined) reply.header(JSON_LENGTH, written.jsonBytes);
      return reply.send(written.body);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return refuseInference(reply, error, { context, model: target.model });
    }
  };

  await app.register(async (scope) => {
    // Bodies are read by the routes, whatever their clients call them: some send no content type at all.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_, body, done) => done(null, body));
    const install = (path: string, say: typeof atVersion) => {
      scope.get<{ Params: Params }>(path, { schema: say(OPERATIONS.metadata) }, metadata);
      scope.get<{ Params: Params }>(`${path}/ready`, { schema: say(OPERATIONS.modelReady) }, readiness);
      const options = { schema: say(OPERATIONS.infer), bodyLimit: maxBodyBytes };
      scope.post<{ Params: Params }>(`${path}/infer`, options, infer);
    };
    install('/v2/models/:name', (operation) => operation);
    install('/v2/models/:name/versions/:version', atVersion);
  });
  return inferences;
}

/** Finds what is asked for. Whoever asks for the metadata of a model, or for an inference, is about to use it. */
async function wantedTarget({ name, version }: Params, { models }: ConnectionContext): Promise<Target | ProtocolError> {
  const found = findModel(name, version, models);
  if (found instanceof ProtocolError) return found;
  await models.catalog.want(found.entry.name);
  return findTarget(name, version, models);
}

function courseOf({ headers }: FastifyRequest, announcedAtMs: number): Course {
  const { traceparent, tracestate } = headers;
  // Node joins what comes several times; of `traceparent` that makes nonsense, as it should.
  return { over: 'http', traceparent: traceparent?.toString(), tracestate: tracestate?.toString(), announcedAtMs };
}

function jsonLength({ headers }: FastifyRequest): number | undefined | null {
  const text = headers[JSON_LENGTH];
  if (text === undefined) return undefined;
  return typeof text === 'string' && /^\d{1,10}$/.test(text) ? Number(text) : null;
}

/**
 * With the load, as over the WebSocket: whoever is refused can decide by it what to do instead. In headers, because the protocol's
 * errors have one field; so of all factors only those of the model that was asked for, since headers have to be short.
 */
function refuseInference(
  reply: FastifyReply,
  error: ProtocolError,
  { context, model }: { readonly context: ConnectionContext; readonly model: string | undefined },
): FastifyReply {
  const { code, load, retryAfterMs } = refusalOf(error, context.recentLoad());
  const only = (factors: Readonly<Record<string, number>> = {}) =>
    Object.fromEntries(Object.entries(factors).filter(([name]) => name === model));
  reply.headers({
    'cutpoint-code': code,
    'cutpoint-load': JSON.stringify({ ...load, k: only(load.k), kWithQueue: only(load.kWithQueue) }),
    ...(retryAfterMs !== undefined && { 'cutpoint-retry-after-ms': Math.ceil(retryAfterMs) }),
  });
  return refuse(reply, error, context);
}

/** Answers with what is wrong, as the protocol has it. */
function refuse(reply: FastifyReply, { code, message }: ProtocolError, context: ConnectionContext): FastifyReply {
  if (code === 'cancelled') {
    // Nobody is there to be answered.
    reply.hijack();
    reply.raw.destroy();
    return reply;
  }
  if (isPassing(code)) reply.header('retry-after', Math.max(1, Math.ceil(context.recentLoad().queueMs / 1000)));
  if (code === 'model_not_ready') reply.header('retry-after', 1);
  // What it was sending is not waited for.
  if (code === 'upload_timeout') reply.header('connection', 'close');
  return sendV2Error(reply, httpStatusOf(code), message);
}
