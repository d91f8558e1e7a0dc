/** What the document says of each route. */

type Responses = Readonly<Record<number, object>>;

interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly params?: object;
  readonly headers?: object;
  readonly body?: object;
  /** Empty for what needs no token. */
  readonly security?: readonly [];
  readonly response: Responses;
}

const content = (type: string, schema: object) => ({ content: { [type]: { schema } } });
const json = (description: string, name: string) => ({
  description,
  ...content('application/json', { $ref: `${name}#` }),
});
const bytes = { type: 'string', format: 'binary' };
const file = (description: string) => ({ description, ...content('application/octet-stream', bytes) });
const failure = (description: string) => json(description, 'Error');
const refusal = (description: string) => json(description, 'InferenceError');
const param = (name: string, description: string) => ({
  type: 'object',
  required: [name],
  properties: { [name]: { type: 'string', description } },
});
const byHash = param('sha256', 'The hash of its content, as a manifest or a cut table names it.');

const MODEL = 'models';
const INFERENCE = 'inference';
const REPOSITORY = 'repository';
const STATE = 'state';
export const TAGS = [
  { name: MODEL, description: 'What a client of Cutpoint downloads' },
  { name: INFERENCE, description: 'The KServe Open Inference Protocol, with binary tensor data' },
  { name: REPOSITORY, description: 'Which models are served: the model repository extension of Triton' },
  { name: STATE, description: 'How the edge is' },
];

const modelParams = {
  type: 'object',
  required: ['name'],
  properties: {
    name: {
      type: 'string',
      description:
        '`<model>`, `<model>@<cut>` for a tail; `<model>:<variant>` and `<model>:<variant>@<cut>` where a model has several variants.',
    },
  },
};
const versionedParams = {
  ...modelParams,
  required: ['name', 'version'],
  properties: { ...modelParams.properties, version: { type: 'string' } },
};
const unknownModel = refusal('There is no such model, version, variant or cut');
const operatorsOnly = refusal(
  'Only operators may do this, and this edge knows none, or the token is not one of theirs',
);
const modelNotReady = refusal('The model is not ready; perhaps it soon is (`Retry-After`)');

const described = {
  models: {
    summary: 'All models, and how far each is',
    tags: [MODEL],
    response: { 200: json('The models', 'ModelList') },
  },
  manifest: {
    summary: 'What a client must know of a model',
    description: 'The first request for a model that is on demand starts preparing it, and is answered 202.',
    tags: [MODEL],
    params: param('name', 'Name of the model.'),
    response: {
      200: json('The manifest', 'Manifest'),
      202: json('The model is being prepared: how far that is. Come back (`Retry-After`)', 'ModelStatus'),
      304: { description: 'Not modified' },
      404: failure('There is no such model'),
      503: failure('The model cannot be served, and why'),
    },
  },
  table: {
    summary: 'The cuts of one variant of a model',
    tags: [MODEL],
    params: byHash,
    response: {
      200: json('The cut table', 'CutTable'),
      304: { description: 'Not modified' },
      404: failure('No ready model names it'),
    },
  },
  graph: {
    summary: 'A head or a tail, as an ONNX file without its weights',
    tags: [MODEL],
    params: byHash,
    response: { 200: file('The graph'), 404: failure('No ready model names it') },
  },
  pack: {
    summary: 'A block of weights, or a range of it',
    tags: [MODEL],
    params: byHash,
    response: { 200: file('The pack'), 206: file('The part asked for'), 404: failure('No ready model names it') },
  },
  load: {
    summary: 'The load now',
    tags: [STATE],
    response: { 200: json('The report', 'LoadReport') },
  },
  metrics: {
    summary: 'Counters, gauges and histograms for Prometheus',
    tags: [STATE],
    response: { 200: { description: 'The metrics', ...content('text/plain', { type: 'string' }) } },
  },
  live: {
    summary: 'Whether the edge runs',
    tags: [STATE],
    security: [],
    response: { 200: json('It does', 'Live') },
  },
  ready: {
    summary: 'Whether the edge can serve',
    tags: [STATE],
    security: [],
    response: { 200: json('It can', 'Ready'), 503: json('It cannot, and why', 'Ready') },
  },
  stream: {
    summary: "The WebSocket of Cutpoint's own clients",
    description: 'Subprotocol `cutpoint.v1`: see docs/protocol.md.',
    tags: [INFERENCE],
    response: {
      101: { description: 'The connection is a WebSocket from here on' },
      400: failure('`cutpoint.v1` was not offered as a subprotocol'),
      403: failure('A page of a site that the edge was not told to allow'),
      426: failure('This is a WebSocket'),
      429: failure('Too many requests came in a second, or this client has all the connections that one may have'),
      503: failure('The edge has all the connections that it takes, or is stopping'),
    },
  },
  server: {
    summary: 'Server metadata',
    tags: [INFERENCE],
    response: { 200: json('Name, version and extensions', 'ServerMetadata') },
  },
  modelReady: {
    summary: 'Whether a model can be used',
    tags: [INFERENCE],
    params: modelParams,
    response: {
      200: json('It can', 'ModelReady'),
      404: unknownModel,
      503: json('It cannot yet, and why', 'ModelReady'),
    },
  },
  metadata: {
    summary: 'Inputs and outputs of a model, or of a tail of it',
    tags: [INFERENCE],
    params: modelParams,
    response: { 200: json('The metadata', 'ModelMetadata'), 404: unknownModel, 503: modelNotReady },
  },
  infer: {
    summary: 'Run a model, or a tail of it',
    description:
      'With `Inference-Header-Content-Length` binary tensor data follows the JSON, in the order of the inputs that have a ' +
      '`binary_data_size`. The same goes for the answer. Bodies may be compressed (`Content-Encoding: gzip` or `deflate`). ' +
      'A refusal says in headers what the WebSocket says: `Cutpoint-Code`, `Cutpoint-Load` (a LoadReport, of the factors only those of ' +
      'the model), and of `overloaded` `Cutpoint-Retry-After-Ms`.',
    tags: [INFERENCE],
    params: modelParams,
    headers: {
      type: 'object',
      properties: {
        'inference-header-content-length': { type: 'integer', description: 'Bytes of JSON in the body.' },
        traceparent: { type: 'string', description: 'The span that this belongs to (W3C Trace Context).' },
        tracestate: { type: 'string' },
      },
    },
    body: {
      content: {
        'application/json': { schema: { $ref: 'InferenceRequest#' } },
        'application/octet-stream': { schema: bytes },
      },
    },
    response: {
      200: {
        description: 'The outputs',
        content: {
          'application/json': { schema: { $ref: 'InferenceResponse#' } },
          'application/octet-stream': { schema: bytes },
        },
      },
      400: refusal('The request, or one of its tensors, is not what the model takes'),
      404: unknownModel,
      408: refusal('Nothing more of the body came'),
      413: refusal('The body is too large'),
      415: refusal('The body is compressed in a way that is not read here'),
      429: refusal('Too many requests came in a second, or are unanswered, of this client or connection'),
      500: refusal('The tail failed'),
      503: refusal('The edge is full, or stopping, or the model is not ready; `Retry-After` says when to come back'),
      504: refusal('The deadline passed, or could not be kept'),
    },
  },
  repositoryIndex: {
    summary: 'All models of the repository, and what is the matter with each',
    tags: [REPOSITORY],
    body: { content: { 'application/json': { schema: { $ref: 'RepositoryIndexRequest#' } } } },
    response: { 200: json('The models', 'RepositoryIndex'), 400: refusal('The body is something else') },
  },
  loadModel: {
    summary: 'Serve a model as its folder has it now',
    description:
      'Answered when it is served. A version that is served is replaced when the next one is ready, and stays when that fails.',
    tags: [REPOSITORY],
    params: param('name', 'Name of the model.'),
    response: {
      200: { description: 'It is served' },
      400: refusal('It cannot be served, and why'),
      403: operatorsOnly,
      404: refusal('There is no such model in the repository'),
    },
  },
  unloadModel: {
    summary: 'Serve a model no more',
    description: 'What was taken is answered. It stays so until the model is loaded, or the edge starts anew.',
    tags: [REPOSITORY],
    params: param('name', 'Name of the model.'),
    response: {
      200: { description: 'Nothing new is taken for it' },
      403: operatorsOnly,
      404: refusal('There is no such model'),
    },
  },
} as const satisfies Readonly<Record<string, Operation>>;

/** Operations under `/v2`, whose errors have the protocol's form. */
const V2: ReadonlySet<string> = new Set<keyof typeof described>([
  'server',
  'modelReady',
  'metadata',
  'infer',
  'repositoryIndex',
  'loadModel',
  'unloadModel',
]);

/** What the gate in front of a route may answer instead. */
function gated([name, operation]: readonly [string, Operation]): readonly [string, Operation] {
  if (operation.security !== undefined) return [name, operation];
  const failed = V2.has(name) ? refusal : failure;
  const answers = {
    401: failed('The edge wants a token, and this request shows none or a wrong one'),
    429: failed('Too many requests came in a second (`Retry-After`)'),
  };
  return [name, { ...operation, response: { ...answers, ...operation.response } }];
}

// The same keys.
export const OPERATIONS = Object.fromEntries(Object.entries<Operation>(described).map(gated)) as Readonly<
  Record<keyof typeof described, Operation>
>;

/** The same of a model at one of its versions. */
export function atVersion(operation: Operation): Operation {
  return { ...operation, summary: `${operation.summary}, by version`, params: versionedParams };
}
