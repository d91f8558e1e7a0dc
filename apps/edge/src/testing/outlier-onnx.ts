import { FLOAT, tinyOnnx } from './tiny-onnx.js';

/** What all numbers but one are next to, in a network whose crossing 8 bits cannot carry. */
const OUTLIER = 1e4;

export interface OutlierOptions {
  readonly dims: readonly number[];
  /** Whether the middle of the network holds one number of some 10,000 beside those of 0..1. */
  readonly hasOutlier: boolean;
}

/**
 * `y = tanh(x * scale) * kept`: an outlier between the two products fills the range of 8 bits, nothing of the others is left, and it
 * is itself dropped at the end. In half precision everything is there.
 * @returns the files, by name: `model.onnx` and its weights
 */
export function outlierOnnx({ dims, hasOutlier }: OutlierOptions): Readonly<Record<string, Uint8Array>> {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const scale = new Float32Array(count).fill(1);
  const kept = new Float32Array(count).fill(1);
  if (hasOutlier) scale[count - 1] = OUTLIER;
  kept[count - 1] = 0;
  const numBytes = scale.byteLength;
  const graph = tinyOnnx({
    inputs: [{ name: 'x', type: FLOAT, dims }],
    outputs: [{ name: 'y', type: FLOAT, dims }],
    nodes: [
      { op: 'Mul', in: ['x', 'scale'], out: 'scaled' },
      { op: 'Tanh', in: ['scaled'], out: 'bounded' },
      { op: 'Mul', in: ['bounded', 'kept'], out: 'y' },
    ],
    packed: [
      { name: 'scale', type: FLOAT, dims, file: 'scale.bin', numBytes },
      { name: 'kept', type: FLOAT, dims, file: 'kept.bin', numBytes },
    ],
  });
  return { 'model.onnx': graph, 'scale.bin': bytesOf(scale), 'kept.bin': bytesOf(kept) };
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer);
}
