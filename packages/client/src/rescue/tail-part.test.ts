import { CODECS } from '@cutpoint/partition';
import { decodeTensor, encodeTensor, gather, TENSOR_CODECS, type TensorInfo } from '@cutpoint/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode, stepsOf } from '../codec/encode.js';
import { tinyManifest, tinyTable } from '../testing/tiny-edge.js';
import { decodeKept, tailSpec } from './tail-part.js';

const all = new Set<string>(TENSOR_CODECS);

describe('what crossed', () => {
  it('is read again as the edge would have read it, by every codec', async () => {
    const numbers = fc.array(fc.float({ noNaN: true, min: -1000, max: 1000 }), { minLength: 1, maxLength: 500 });
    await fc.assert(
      fc.asyncProperty(numbers, fc.constantFrom(...CODECS), async (values, codec) => {
        const data = Float32Array.from(values);
        const info: TensorInfo = { name: 'h', type: 'float32', dims: [values.length] };
        const sent = await encode({ ...info, bytes: new Uint8Array(data.buffer) }, codec, all);
        const [kept] = await decodeKept(gather([sent]));
        // Without a canvas pictures travel raw here.
        const { header, bytes } = encodeTensor({ ...info, data }, stepsOf(codec).numbers);
        const seen = decodeTensor(header, Uint8Array.from(bytes));
        expect(kept).toMatchObject(info);
        expect(Buffer.compare(kept?.bytes ?? new Uint8Array(), seen)).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('is kept as it was: reading it takes nothing away', async () => {
    const data = Float32Array.of(1, 2, 3);
    const payload = gather([encodeTensor({ name: 'h', type: 'float32', dims: [3], data }, 'raw')]);
    const [first] = await decodeKept(payload);
    structuredClone(first, { transfer: [first?.bytes.buffer ?? new ArrayBuffer()] });
    const [second] = await decodeKept(payload);
    expect(Array.from(new Float32Array(second?.bytes.buffer ?? new ArrayBuffer()))).toEqual([1, 2, 3]);
  });
});

describe('the tail of a cut', () => {
  it('reads what crosses, and the packs that its graph names', () => {
    const table = tinyTable();
    const manifest = tinyManifest(table);
    const [variant] = manifest.variants;
    const cut = table.cuts[1];
    if (!variant || !cut) throw new Error('the model has no cut 1');
    const source = { manifest, variant, table, provider: 'wasm' as const };
    const [pack] = manifest.packs;
    const spec = tailSpec(source, cut, Buffer.from(`\u0008\u0012location${pack?.sha256}\u0012`));
    expect(spec).toMatchObject({ kind: 'tail', graph: cut.tailGraph, inputs: [{ name: 'h' }], packs: [pack] });
    expect(tailSpec(source, cut, Buffer.from('a graph without weights'))?.packs).toEqual([]);
  });
});
