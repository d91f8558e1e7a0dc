import { create } from '@bufbuild/protobuf';
import { TypeProto_SequenceSchema, TypeProto_TensorSchema, TypeProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { afterAll, describe, expect, test } from 'vitest';
import { analyse } from './analyse.js';
import { describeCut, listCuts } from './cuts.js';
import { dataTypeOf } from './element-type.js';
import { extract } from './extract.js';
import { GraphBuilder } from './graph-builder.js';
import type { Model } from './model.js';
import { errorOf, prepare } from './testing/check-cuts.js';
import { openTestRuntime } from './testing/node-runtime.js';

const runtime = openTestRuntime();
afterAll(() => runtime.close());

describe('what is not a tensor of numbers', () => {
  const throughSequence = (): Model =>
    new GraphBuilder()
      .input('x', 'float32', [4, 3])
      .ints('first', [0], [])
      .node('Sin', ['x'], ['a'])
      .node('SplitToSequence', ['a'], ['rows'], { axis: 0n })
      .node('SequenceAt', ['rows', 'first'], ['row'])
      .node('Cos', ['row'], ['y'])
      .output('y')
      .build();

  test('never crosses: a cut across a sequence is left out, with the reason', async () => {
    const { model, analysis, list } = await prepare(throughSequence(), runtime, { optimize: false });
    expect(list.cuts.map(({ id }) => id)).toEqual([0, 1, 3, 4]);
    expect(list.excluded).toEqual([
      { id: 2, reason: '"rows" would have to cross, and it is a sequence, map or optional' },
    ]);
    expect(() => describeCut(model, analysis, new Set([0, 1]), 2)).toThrow(/"rows" would have to cross/);
    expect(() => extract(model, analysis, new Set([0, 1]))).toThrow(/"rows" cannot cross/);
  });

  test('does not hinder the cuts around it', async () => {
    const checked = await prepare(throughSequence(), runtime, { optimize: false });
    for (const { head } of checked.list.cuts) expect(await errorOf(checked, head, runtime)).toBeLessThanOrEqual(1e-4);
  });

  test('makes a model that is all sequence unsplittable, and the model says why', async () => {
    const sequence = create(ValueInfoProtoSchema, {
      name: 'rows',
      type: create(TypeProtoSchema, {
        value: {
          case: 'sequenceType',
          value: create(TypeProto_SequenceSchema, {
            elemType: create(TypeProtoSchema, {
              value: { case: 'tensorType', value: create(TypeProto_TensorSchema, { elemType: dataTypeOf('float32') }) },
            }),
          }),
        },
      }),
    });
    const model = new GraphBuilder()
      .input('x', 'float32', [4, 3])
      .node('Sin', ['x'], ['a'])
      .node('SplitToSequence', ['a'], ['rows'], { axis: 0n })
      .outputAs(sequence)
      .build();
    const list = listCuts(model, await analyse(model, runtime));
    expect(list.cuts.map(({ id }) => id)).toEqual([2]);
    expect(list.unsplittable).toMatch(/output "rows" would have to come back, and it is a sequence/);
  });

  test('a graph of one node says that it has one', async () => {
    const model = new GraphBuilder().input('x', 'float32', [2]).node('Sin', ['x'], ['y']).output('y').build();
    const list = listCuts(model, await analyse(model, runtime));
    expect([list.cuts.map(({ id }) => id), list.unsplittable]).toEqual([[0, 1], 'the graph has one node']);
  });
});
