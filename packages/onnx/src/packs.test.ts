import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from './graph-builder.js';
import { encodeModel, type Model } from './model.js';
import { PackBuilder, packedBytes, packsOf, type WeightPack } from './packs.js';
import { externalDataOf, isExternal, tensorBytes } from './tensor-data.js';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function builder() {
  const written = new Map<string, Uint8Array>();
  const packs = new PackBuilder({
    sha256,
    write: (pack: WeightPack, bytes) => {
      expect(written.has(pack.sha256), 'a pack is written once').toBe(false);
      written.set(pack.sha256, bytes.slice());
    },
  });
  return { packs, written };
}

/** A chain of products, `width` wide. */
function chain(widths: readonly number[], prefix = 'w'): Model {
  const graph = new GraphBuilder().input('x', 'float32', [1, widths[0] ?? 1]);
  let value = 'x';
  for (const [i, width] of widths.slice(1).entries()) {
    graph.weight(`${prefix}${i}`, [widths[i] ?? 1, width]).node('MatMul', [value, `${prefix}${i}`], [`v${i}`]);
    value = `v${i}`;
  }
  return graph.output(value).build();
}

describe('PackBuilder', () => {
  test('puts every large weight where its external data says, aligned', () => {
    const { packs, written } = builder();
    const model = chain([33, 50, 70, 400, 500]);
    const packed = packs.add(model);
    expect(packed.graph?.initializer).toHaveLength(4);
    for (const [i, tensor] of (packed.graph?.initializer ?? []).entries()) {
      const { location, offset, length } = externalDataOf(tensor);
      expect(offset % 64).toBe(0);
      const original = model.graph?.initializer[i];
      const stored = written.get(location)?.subarray(offset, offset + (length ?? 0));
      expect(stored && original && Buffer.compare(stored, tensorBytes(original))).toBe(0);
    }
    for (const [name, bytes] of written) expect(sha256(bytes)).toBe(name);
    expect(packs.packs.map((pack) => pack.sha256)).toEqual(packsOf(packed));
    for (const pack of packs.packs) expect(written.get(pack.sha256)?.length).toBe(pack.numBytes);
  });

  test('knows how much of a file lies in packs, without the packs', () => {
    const { packs } = builder();
    const file = encodeModel(packs.add(chain([33, 50, 70, 400, 500])));
    const numBytes = 4 * (33 * 50 + 50 * 70 + 70 * 400 + 400 * 500);
    expect(packedBytes(file)).toBe(numBytes);
    expect(packedBytes(file, 'MatMul')).toBe(numBytes);
    expect(packedBytes(file, 'Conv')).toBe(0);
    expect(packedBytes(encodeModel(chain([33, 50])))).toBe(0);
  });

  test('keeps packs near half a megabyte and gives a large tensor one of its own', () => {
    const { packs } = builder();
    packs.add(chain([128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 1100, 128]));
    const sizes = packs.packs.map(({ numBytes }) => numBytes);
    // Eight of 64 KiB are half a megabyte, four remain; 128 x 1100 floats are more than that twice.
    expect(sizes).toEqual([524_288, 262_144, 563_200, 563_200]);
  });

  test('stores equal weights once, within a model and across variants', () => {
    const { packs, written } = builder();
    const first = packs.add(chain([64, 64, 64]));
    const second = packs.add(chain([64, 64, 64], 'other'));
    // Each builder seeds its weights alike: the first weights of both are the same bytes.
    expect(packsOf(second)).toEqual(packsOf(first));
    expect(written.size).toBe(1);
    const tied = new GraphBuilder()
      .input('x', 'float32', [1, 64])
      .weight('a', [64, 64])
      .node('MatMul', ['x', 'a'], ['p'])
      .node('MatMul', ['p', 'b'], ['y'])
      .output('y');
    const a = tied.build().graph?.initializer[0];
    if (!a) throw new Error('no weight');
    tied.tensor('b', 'float32', [64, 64], tensorBytes(a).slice());
    const graph = packs.add(tied.build()).graph;
    const [one, two] = graph?.initializer ?? [];
    if (!one || !two) throw new Error('two weights were given');
    expect(externalDataOf(one)).toEqual(externalDataOf(two));
    expect(written.size).toBe(1);
  });

  test('leaves shapes, small integers and tiny floats inline', () => {
    const { packs } = builder();
    const model = new GraphBuilder()
      .input('x', 'float32', [4, 200])
      .ints('shape', [2, 400])
      .ints(
        'indices',
        Array.from({ length: 128 }, (_, i) => i),
      )
      .ints(
        'many',
        Array.from({ length: 129 }, (_, i) => i),
      )
      .floats('tiny', [1, 2, 3, 4])
      .weight('bias', [400])
      .node('Reshape', ['x', 'shape'], ['r'])
      .node('Add', ['r', 'bias'], ['b'])
      .node('Gather', ['b', 'indices'], ['g'], { axis: 1n })
      .node('Gather', ['b', 'many'], ['h'], { axis: 1n })
      .node('Concat', ['g', 'h'], ['y'], { axis: 1n })
      .output('y')
      .output('tiny')
      .build();
    const packed = packs.add(model);
    const external = (packed.graph?.initializer ?? []).filter(isExternal).map(({ name }) => name);
    expect(external).toEqual(['many', 'bias']);
  });

  test('does not change the model that it is given', () => {
    const model = chain([64, 64]);
    builder().packs.add(model);
    expect(model.graph?.initializer.some(isExternal)).toBe(false);
  });
});
