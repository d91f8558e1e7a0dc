import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cut, CutTable, TensorInfo } from '@cutpoint/protocol';
import type { PreparedModel } from '../prepare/prepared.js';
import { BOOL, FLOAT, INT64, type TinyNode, tinyOnnx, UINT8 } from './tiny-onnx.js';

/** Models that are prepared already, small enough for tests, on disk as the edge expects them. */

function store(objectsDir: string, bytes: Uint8Array): string {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const file = join(objectsDir, sha256);
  // onnxruntime maps packs: writing to one that is open would take the process down.
  if (!existsSync(file)) writeFileSync(file, bytes);
  return sha256;
}

interface TinyParts {
  readonly name: string;
  readonly objectsDir: string;
  readonly tensors: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly packs: readonly { readonly sha256: string; readonly numBytes: number }[];
  readonly cuts: readonly (Pick<Cut, 'id' | 'crossing' | 'tailGraph' | 'tailOutputs'> & {
    readonly tailMs?: number;
    readonly batchGraph?: string;
  })[];
}

function prepared({ name, objectsDir, tensors, outputs, packs, cuts }: TinyParts): PreparedModel {
  const table: CutTable = {
    format: 'cutpoint.cuts.v1',
    model: name,
    variant: 'tensors',
    tensors: [...tensors],
    nodes: [],
    cuts: cuts.map(({ batchGraph: _, ...cut }) => ({
      tailMs: 1,
      ...cut,
      headNodes: cut.id,
      headOutputs: [],
      headGraph: null,
      headPacks: [],
      bytesUp: 0,
      bytesDown: 0,
      headFlops: 0,
      headMs: 0,
      timed: true,
    })),
    profile: { machine: 'test', provider: 'cpu', threads: 1 },
  };
  const sha256 = store(objectsDir, new TextEncoder().encode(JSON.stringify(table)));
  const inputs = (cuts[0]?.crossing ?? []).flatMap((index) => tensors[index] ?? []);
  return {
    manifest: {
      format: 'cutpoint.manifest.v1',
      model: name,
      version: '1',
      description: `the ${name} model`,
      task: { type: 'tensors' },
      packs: [...packs],
      variants: [{ id: 'tensors', kind: 'tensors', inputs, outputs: [...outputs], table: sha256 }],
    },
    tables: new Map([[sha256, table]]),
    objectsDir,
    batchGraphs: new Map(
      cuts.flatMap(({ tailGraph, batchGraph }) => (tailGraph && batchGraph ? [[tailGraph, batchGraph] as const] : [])),
    ),
    weights: 'own',
    notes: [],
  };
}

/** `y = (relu(x) + sum(mask)) * w` and `z = int(relu(x))`, with `w = [1, 2, 3, 4]` in a pack. Cut 4 is the local one. */
export function tinyModel(objectsDir: string): PreparedModel {
  const mask = { name: 'mask', type: UINT8, dims: [3] };
  const x = { name: 'x', type: FLOAT, dims: [1, 4] };
  const h = { name: 'h', type: FLOAT, dims: [1, 4] };
  const y = { name: 'y', type: FLOAT, dims: [1, 4] };
  const z = { name: 'z', type: INT64, dims: [1, 4] };
  const weights = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer);
  const pack = { sha256: store(objectsDir, weights), numBytes: weights.byteLength };
  const packed = [{ name: 'w', type: FLOAT, dims: [1, 4], file: pack.sha256, numBytes: pack.numBytes }];
  const relu: TinyNode = { op: 'Relu', in: ['x'], out: 'h' };
  const rest: TinyNode[] = [
    { op: 'Cast', in: ['mask'], out: 'maskFloat', ints: { to: FLOAT } },
    { op: 'ReduceSum', in: ['maskFloat'], out: 'total', ints: { keepdims: 0 } },
    { op: 'Add', in: ['h', 'total'], out: 'shifted' },
    { op: 'Mul', in: ['shifted', 'w'], out: 'y' },
    { op: 'Cast', in: ['h'], out: 'z', ints: { to: INT64 } },
  ];
  const tail0 = tinyOnnx({ inputs: [mask, x], outputs: [y, z], nodes: [relu, ...rest], packed });
  const tail1 = tinyOnnx({ inputs: [mask, h], outputs: [y, z], nodes: rest, packed });
  return prepared({
    name: 'tiny',
    objectsDir,
    tensors: [
      { name: 'mask', type: 'uint8', dims: [3] },
      { name: 'x', type: 'float32', dims: [1, 4] },
      { name: 'h', type: 'float32', dims: [1, 4] },
    ],
    outputs: [
      { name: 'y', type: 'float32', dims: [1, 4] },
      { name: 'z', type: 'int64', dims: [1, 4] },
    ],
    packs: [pack],
    cuts: [
      { id: 0, crossing: [0, 1], tailGraph: store(objectsDir, tail0), tailOutputs: ['y', 'z'] },
      { id: 1, crossing: [0, 2], tailGraph: store(objectsDir, tail1), tailOutputs: ['y', 'z'] },
      { id: 4, crossing: [], tailGraph: null, tailOutputs: [] },
    ],
  });
}

/**
 * `y = 0` from one number, after so many products of matrices: by default some hundred ms of one CPU. They are in a loop, which no
 * cut divides, so that there is little to prepare.
 */
export function slowOnnx(products = 500): Uint8Array {
  const side = 256;
  const [isOn, matrix, isStillOn, square] = [
    { name: 'isOn', type: BOOL, dims: [] },
    { name: 'matrix', type: FLOAT, dims: [side, side] },
    { name: 'isStillOn', type: BOOL, dims: [] },
    { name: 'square', type: FLOAT, dims: [side, side] },
  ];
  return tinyOnnx({
    inputs: [{ name: 'x', type: FLOAT, dims: [1] }],
    outputs: [{ name: 'y', type: FLOAT, dims: [] }],
    nodes: [
      { op: 'Expand', in: ['x', 'shape'], out: 'm' },
      {
        op: 'Loop',
        in: ['products', '', 'm'],
        out: 'last',
        body: {
          inputs: [{ name: 'index', type: INT64, dims: [] }, isOn, matrix],
          outputs: [isStillOn, square],
          nodes: [
            { op: 'Identity', in: ['isOn'], out: 'isStillOn' },
            { op: 'MatMul', in: ['matrix', 'matrix'], out: 'square' },
          ],
        },
      },
      { op: 'ReduceSum', in: ['last'], out: 'y', ints: { keepdims: 0 } },
    ],
    shapes: { shape: [side, side], products: [products] },
  });
}

/** {@link slowOnnx} as it is, with no cut but the first. */
export function slowModel(objectsDir: string, name = 'slow', products?: number): PreparedModel {
  return prepared({
    name,
    objectsDir,
    tensors: [{ name: 'x', type: 'float32', dims: [1] }],
    outputs: [{ name: 'y', type: 'float32', dims: [] }],
    packs: [],
    cuts: [{ id: 0, crossing: [0], tailGraph: store(objectsDir, slowOnnx(products)), tailOutputs: ['y'], tailMs: 200 }],
  });
}

/** `y = x` over as many floats as are asked for. */
export function echoModel(objectsDir: string, count: number, name = 'echo'): PreparedModel {
  const tail = tinyOnnx({
    inputs: [{ name: 'x', type: FLOAT, dims: [count] }],
    outputs: [{ name: 'y', type: FLOAT, dims: [count] }],
    nodes: [{ op: 'Identity', in: ['x'], out: 'y' }],
  });
  return prepared({
    name,
    objectsDir,
    tensors: [{ name: 'x', type: 'float32', dims: [count] }],
    outputs: [{ name: 'y', type: 'float32', dims: [count] }],
    packs: [],
    cuts: [{ id: 0, crossing: [0], tailGraph: store(objectsDir, tail), tailOutputs: ['y'] }],
  });
}

/**
 * `y = x * [1, 2, 3, 4][pick]`, for one input and for many at once; what is picked from outside fails. It takes as long as so many
 * products of matrices.
 */
export function pickModel(objectsDir: string, { name = 'pick', products = 0, wrong = false } = {}): PreparedModel {
  const weights = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer);
  const pack = { sha256: store(objectsDir, weights), numBytes: weights.byteLength };
  const nodes: TinyNode[] = [
    { op: 'ReduceSum', in: ['x'], out: 'sum', ints: { keepdims: 0 } },
    { op: 'Sub', in: ['sum', 'sum'], out: 'nothing' },
    { op: 'Expand', in: ['nothing', 'shape'], out: 'm0' },
  ];
  for (let index = 0; index < products; index += 1) {
    nodes.push({ op: 'MatMul', in: [`m${index}`, `m${index}`], out: `m${index + 1}` });
  }
  nodes.push(
    { op: 'ReduceSum', in: [`m${products}`], out: 'still', ints: { keepdims: 0 } },
    { op: 'Add', in: ['x', 'still'], out: 'same' },
    { op: 'Gather', in: ['w', 'pick'], out: 'factor' },
    { op: 'Mul', in: ['same', 'factor'], out: 'y' },
  );
  const graphOf = (count: number | string, of: readonly TinyNode[] = nodes) =>
    tinyOnnx({
      inputs: [
        { name: 'x', type: FLOAT, dims: [count, 4] },
        { name: 'pick', type: INT64, dims: [count, 1] },
      ],
      outputs: [{ name: 'y', type: FLOAT, dims: [count, 4] }],
      nodes: of,
      shapes: { shape: [256, 256] },
      packed: [{ name: 'w', type: FLOAT, dims: [4], file: pack.sha256, numBytes: pack.numBytes }],
    });
  // Of an input each gets something of the others'.
  const mixed = nodes.map((node) => (node.out === 'y' ? { ...node, in: ['sum', 'factor'] } : node));
  return prepared({
    name,
    objectsDir,
    tensors: [
      { name: 'x', type: 'float32', dims: [1, 4] },
      { name: 'pick', type: 'int64', dims: [1, 1] },
    ],
    outputs: [{ name: 'y', type: 'float32', dims: [1, 4] }],
    packs: [pack],
    cuts: [
      {
        id: 0,
        crossing: [0, 1],
        tailGraph: store(objectsDir, graphOf(1)),
        batchGraph: store(objectsDir, graphOf('n', wrong ? mixed : nodes)),
        tailOutputs: ['y'],
        tailMs: 2,
      },
    ],
  });
}

/** The pixels of a picture, as floats. */
export function pictureModel(objectsDir: string, height: number, width: number): PreparedModel {
  const dims = [height, width, 3];
  const tail = tinyOnnx({
    inputs: [{ name: 'image', type: UINT8, dims }],
    outputs: [{ name: 'y', type: FLOAT, dims }],
    nodes: [{ op: 'Cast', in: ['image'], out: 'y', ints: { to: FLOAT } }],
  });
  return prepared({
    name: 'picture',
    objectsDir,
    tensors: [{ name: 'image', type: 'uint8', dims }],
    outputs: [{ name: 'y', type: 'float32', dims }],
    packs: [],
    cuts: [{ id: 0, crossing: [0], tailGraph: store(objectsDir, tail), tailOutputs: ['y'] }],
  });
}

/** `y = x` times the same 16 MB of weights, and then so many times nothing: each number of times is a tail of its own. */
export function wideTail(objectsDir: string, relus: number): { readonly graphFile: string; readonly side: number } {
  const side = 2048;
  const pack = store(objectsDir, new Uint8Array(new Float32Array(side * side).fill(1e-3).buffer));
  const nodes: TinyNode[] = [{ op: 'MatMul', in: ['x', 'w'], out: 'v0' }];
  for (let index = 0; index < relus; index += 1) nodes.push({ op: 'Relu', in: [`v${index}`], out: `v${index + 1}` });
  nodes.push({ op: 'Identity', in: [`v${relus}`], out: 'y' });
  const graph = tinyOnnx({
    inputs: [{ name: 'x', type: FLOAT, dims: [1, side] }],
    outputs: [{ name: 'y', type: FLOAT, dims: [1, side] }],
    nodes,
    packed: [{ name: 'w', type: FLOAT, dims: [side, side], file: pack, numBytes: 4 * side * side }],
  });
  return { graphFile: join(objectsDir, store(objectsDir, graph)), side };
}

/** Its tail is no ONNX file. */
export function brokenModel(objectsDir: string): PreparedModel {
  return prepared({
    name: 'broken',
    objectsDir,
    tensors: [{ name: 'x', type: 'float32', dims: [1] }],
    outputs: [],
    packs: [],
    cuts: [
      { id: 0, crossing: [0], tailGraph: store(objectsDir, new TextEncoder().encode('not a graph')), tailOutputs: [] },
    ],
  });
}
