import { create } from '@bufbuild/protobuf';
import { TensorShapeProto_DimensionSchema } from 'onnx-buf';
import { afterAll, describe, expect, test } from 'vitest';
import { analyse } from './analyse.js';
import { dynamicInputs, fixDims } from './dims.js';
import { GraphBuilder } from './graph-builder.js';
import type { Model } from './model.js';
import { valueInfo } from './proto.js';
import { openTestRuntime } from './testing/node-runtime.js';

const runtime = openTestRuntime();
afterAll(() => runtime.close());

function symbolic(name: string, dims: readonly (number | string)[]) {
  const value = valueInfo(
    name,
    'float32',
    dims.map((dim) => (typeof dim === 'number' ? dim : null)),
  );
  const type = value.type?.value;
  if (type?.case !== 'tensorType' || !type.value.shape) throw new Error('no shape');
  type.value.shape.dim = dims.map((dim) =>
    create(TensorShapeProto_DimensionSchema, {
      value: typeof dim === 'number' ? { case: 'dimValue', value: BigInt(dim) } : { case: 'dimParam', value: dim },
    }),
  );
  return value;
}

function twoInputs(): Model {
  return new GraphBuilder()
    .inputAs(symbolic('x', ['batch', 3, 'size']))
    .inputAs(symbolic('z', ['batch', 3, 'other']))
    .node('Concat', ['x', 'z'], ['y'], { axis: 2n })
    .outputAs(symbolic('y', ['batch', 3, 'sum']))
    .build();
}

describe('fixDims', () => {
  test('gives a symbol its number wherever it stands', async () => {
    const fixed = fixDims(twoInputs(), { x: [2, 3, 5] });
    expect(dynamicInputs(fixed)).toEqual(['z[2,3,other]']);
    const all = fixDims(fixed, { z: [2, 3, 4] });
    expect((await analyse(all, runtime)).outputs[0]?.dims).toEqual([2, 3, 9]);
  });

  test('names the inputs that are still dynamic', async () => {
    expect(dynamicInputs(twoInputs())).toEqual(['x[batch,3,size]', 'z[batch,3,other]']);
    await expect(analyse(twoInputs(), runtime)).rejects.toMatchObject({ code: 'dynamic_dims' });
  });

  test.each([
    [{ w: [1] }, 'unknown_name', /no input "w".*x, z/],
    [{ x: [1, 3] }, 'dims_mismatch', /has 3 dimensions/],
    [{ x: [1, 4, 5] }, 'dims_mismatch', /dimension 1 is 3/],
    [{ x: [1, 3, 1.5] }, 'dims_mismatch', /whole numbers/],
    [{ x: [1, 3, 5], z: [2, 3, 5] }, 'dims_mismatch', /"batch" is already 1/],
  ])('refuses %j with %s', (dims, code, message) => {
    expect(() => fixDims(twoInputs(), dims)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});
