import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ModelEntry, ModelStatus } from '../models/entry.js';
import { ModelError, messageOf } from '../models/error.js';
import { OPERATIONS } from '../openapi/operations.js';
import { sendV2Error } from '../server/http-errors.js';
import type { ServerOptions } from '../server/options.js';
import { isLoopbackName } from '../server/origin.js';

type RepositoryOptions = Pick<ServerOptions, 'catalog' | 'host' | 'tokens' | 'adminTokens' | 'jwt' | 'trustProxy'>;

/** What the extension calls what this edge knows of a model. */
const STATES: Readonly<Record<ModelStatus, string>> = {
  ready: 'READY',
  preparing: 'LOADING',
  'on-demand': 'UNAVAILABLE',
  missing: 'UNAVAILABLE',
  failed: 'UNAVAILABLE',
};

interface Params {
  readonly name: string;
}

/** Triton's model repository extension of the KServe protocol: what there is, and what of it is served. */
export async function installRepository(app: FastifyInstance, options: RepositoryOptions): Promise<void> {
  const { catalog } = options;
  const isOpen = isForEverybody(options);

  const onlyOperators = async (request: FastifyRequest, reply: FastifyReply) => {
    if (isOpen || request.grant?.isAdmin === true) return undefined;
    return sendV2Error(reply, 403, options.adminTokens.length > 0 ? OTHER_TOKEN : NO_ADMIN_TOKEN);
  };

  const index = async (request: FastifyRequest, reply: FastifyReply) => {
    const asked = objectIn(request.body);
    if (asked === undefined || !isFlag(asked.ready))
      return sendV2Error(reply, 400, 'the body is {} or {"ready": true}');
    const models = catalog.list().filter(({ status }) => asked.ready !== true || status === 'ready');
    return reply.header('cache-control', 'no-store').send(models.map(described));
  };

  const load = async (request: FastifyRequest<{ Params: Params }>, reply: FastifyReply) => {
    const asked = objectIn(request.body);
    const { parameters = {} } = asked ?? {};
    const given = typeof parameters === 'object' && parameters !== null ? Object.keys(parameters) : ['parameters'];
    if (asked === undefined || given.length > 0) {
      const which = given.length > 0 ? `${given.slice(0, 5).join(', ')}: ` : '';
      return sendV2Error(reply, 400, `${which}a model is loaded as its folder has it; nothing can be given here`);
    }
    return await answered(reply, () => catalog.load(request.params.name));
  };

  const unload = async ({ params }: FastifyRequest<{ Params: Params }>, reply: FastifyReply) =>
    await answered(reply, async () => catalog.unload(params.name));

  await app.register(async (scope) => {
    // Programs that send a body, or none, call it all sorts of things.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => done(null, body));
    scope.post('/v2/repository/index', { schema: OPERATIONS.repositoryIndex }, index);
    const route = '/v2/repository/models/:name';
    const preHandler = onlyOperators;
    scope.post<{ Params: Params }>(`${route}/load`, { schema: OPERATIONS.loadModel, preHandler }, load);
    scope.post<{ Params: Params }>(`${route}/unload`, { schema: OPERATIONS.unloadModel, preHandler }, unload);
  });
}

const NO_ADMIN_TOKEN =
  'models of this edge are not loaded or unloaded over HTTP: start it with --admin-token-file, or send it SIGHUP';
const OTHER_TOKEN = 'loading and unloading models takes a token of an operator (--admin-token-file)';

/** Where only programs of this machine can come: no other address, no client that is told from others, no proxy in front. */
function isForEverybody({ host, tokens, adminTokens, jwt, trustProxy }: RepositoryOptions): boolean {
  const hasTokens = tokens.length > 0 || adminTokens.length > 0 || jwt !== undefined;
  return isLoopbackName(host) && !hasTokens && trustProxy.length === 0;
}

async function answered(reply: FastifyReply, work: () => Promise<void>): Promise<FastifyReply> {
  try {
    await work();
    return reply.code(200).header('cache-control', 'no-store').send();
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return sendV2Error(reply, error.code === 'unknown_model' ? 404 : 400, `${messageOf(error)} (${error.code})`);
  }
}

function described({ name, version, status, reason, code }: ModelEntry) {
  const why = code === undefined ? reason : `${reason} (${code})`;
  return { name, version, state: STATES[status], reason: why ?? '' };
}

/** An empty body is an empty object; `undefined` when it is something else. */
function objectIn(body: unknown): Record<string, unknown> | undefined {
  if (typeof body !== 'string' || body.trim() === '') return {};
  try {
    const json: unknown = JSON.parse(body);
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
    return isObject ? Object.fromEntries(Object.entries(json)) : undefined;
  } catch {
    return undefined;
  }
}

function isFlag(value: unknown): boolean {
  return value === undefined || typeof value === 'boolean';
}
