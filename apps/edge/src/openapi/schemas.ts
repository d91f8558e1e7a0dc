import { HTTP_ERROR_CODES, TENSOR_TYPES } from '@cutpoint/protocol';
import { DATATYPES } from '../kserve/datatypes.js';

/**
 * JSON schemas of what the routes take and give, by the names under which the document refers to them. They describe and check
 * nothing: what comes in is checked by its own readers.
 */

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const count = { type: 'integer', minimum: 0 } as const;
const ms = { type: 'number', minimum: 0 } as const;
const share = { type: 'number', minimum: 0, maximum: 1 } as const;
const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const;
const list = (items: object) => ({ type: 'array', items });
const object = (properties: object, optional: readonly string[] = []) => ({
  type: 'object',
  required: Object.keys(properties).filter((key) => !optional.includes(key)),
  properties,
});
const ref = (name: string) => ({ $ref: `${name}#` });
const factors = (description: string) => ({ type: 'object', description, additionalProperties: ms });

const tensor = object({
  name: text,
  type: { type: 'string', enum: TENSOR_TYPES },
  dims: list(count),
});
const datatype = { type: 'string', enum: Object.values(DATATYPES) };
const parameters = (known: object) => ({ type: 'object', properties: known, additionalProperties: true });
const tensorMetadata = object({
  name: text,
  datatype,
  shape: { ...list({ type: 'integer', minimum: -1 }), description: '-1 where the forms of the model differ.' },
});
const data = {
  type: 'array',
  items: {},
  description: 'The elements, row-major: one flat list, or lists in lists as the shape has them.',
};

const modelStatus = object(
  {
    name: text,
    version: text,
    description: text,
    status: { type: 'string', enum: ['on-demand', 'preparing', 'ready', 'missing', 'failed'] },
    untrained: { ...flag, description: 'Random weights: its answers mean nothing.' },
    reason: text,
    code: text,
    progress: object({ stage: text, done: count, total: count }),
  },
  ['untrained', 'reason', 'code', 'progress'],
);

const manifest = {
  ...object({
    format: { type: 'string', enum: ['cutpoint.manifest.v1'] },
    model: text,
    version: text,
    description: text,
    task: { type: 'object', required: ['type'], properties: { type: text }, additionalProperties: true },
    packs: list(object({ sha256, numBytes: count })),
    variants: list(
      object(
        {
          id: text,
          kind: { type: 'string', enum: ['tensors', 'pixels'] },
          inputs: list(tensor),
          outputs: list(tensor),
          image: { type: 'object', additionalProperties: true },
          table: sha256,
        },
        ['image'],
      ),
    ),
  }),
  description: 'What a client must know of a model: see docs/protocol.md.',
};

const cutTable = {
  ...object({
    format: { type: 'string', enum: ['cutpoint.cuts.v1'] },
    model: text,
    variant: text,
    tensors: list(tensor),
    nodes: list(object({ opType: text, name: text, flops: ms })),
    cuts: list({ type: 'object', required: ['id', 'crossing', 'tailOutputs'], additionalProperties: true }),
    profile: object({ machine: text, provider: text, threads: count }),
  }),
  description: 'The cuts of one variant of a model: see docs/protocol.md.',
};

const loadReport = object(
  {
    atMs: { ...ms, description: "By the edge's monotonic clock." },
    queueDepth: count,
    queueMs: { ...ms, description: 'Predicted wait of a request that arrives now.' },
    announcedMs: ms,
    busy: ms,
    residualMs: ms,
    inFlight: count,
    workers: count,
    k: factors('Load factor per model: measured ÷ profiled time of recent tails.'),
    kWithQueue: factors('The same with the wait for a worker.'),
    clients: count,
    cpuUtilisation: share,
    gpuUtilisation: { ...share, nullable: true },
  },
  ['announcedMs', 'busy', 'residualMs', 'kWithQueue', 'clients'],
);

export const SCHEMAS: Readonly<Record<string, object>> = {
  Error: object({ code: { type: 'string', enum: HTTP_ERROR_CODES }, message: text }),
  InferenceError: object({ error: text }),
  ModelStatus: modelStatus,
  ModelList: object(
    {
      models: list(ref('ModelStatus')),
      demo: { ...flag, description: 'Its clients may load this edge and slow it down.' },
    },
    ['demo'],
  ),
  Manifest: manifest,
  CutTable: cutTable,
  LoadReport: loadReport,
  Live: object({ live: flag }),
  Ready: object({ ready: flag, reason: text }, ['reason']),
  ServerMetadata: object({ name: text, version: text, extensions: list(text) }),
  ModelReady: object({ name: text, ready: flag, error: text }, ['error']),
  ModelMetadata: object({
    name: text,
    versions: list(text),
    platform: text,
    inputs: list(tensorMetadata),
    outputs: list(tensorMetadata),
  }),
  RepositoryIndexRequest: {
    type: 'object',
    properties: { ready: { ...flag, description: 'Only those that can be used.' } },
  },
  RepositoryIndex: list(
    object({
      name: text,
      version: text,
      state: { type: 'string', enum: ['READY', 'LOADING', 'UNAVAILABLE'] },
      reason: {
        ...text,
        description: 'Empty where there is none. Of a model that is READY it is about its next version.',
      },
    }),
  ),
  InferenceRequest: object(
    {
      id: text,
      inputs: list(
        object(
          { name: text, shape: list(count), datatype, data, parameters: parameters({ binary_data_size: count }) },
          ['data', 'parameters'],
        ),
      ),
      outputs: list(object({ name: text, parameters: parameters({ binary_data: flag }) }, ['parameters'])),
      parameters: parameters({
        binary_data_output: flag,
        timeout: { ...count, description: 'Microseconds after which the answer is worthless.' },
      }),
    },
    ['id', 'outputs', 'parameters'],
  ),
  InferenceResponse: object(
    {
      id: text,
      model_name: text,
      model_version: text,
      outputs: list(
        object(
          { name: text, shape: list(count), datatype, data, parameters: parameters({ binary_data_size: count }) },
          ['data', 'parameters'],
        ),
      ),
    },
    ['id'],
  ),
};
