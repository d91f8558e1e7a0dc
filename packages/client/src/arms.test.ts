import { type Arm, permits } from '@cutpoint/partition';
import {
  type Calibration,
  type Cut,
  type CutTable,
  DEFAULT_ACCURACY_DROP,
  type Fidelity,
  TENSOR_CODECS,
  type TensorInfo,
  type Variant,
} from '@cutpoint/protocol';
import { describe, expect, it } from 'vitest';
import { armsOf, calibrationCut, nearestCut } from './arms.js';
import { defaultMaxAccuracyDrop } from './codec/accuracy.js';

function cut(id: number, share: number, more: Partial<Cut> = {}): Cut {
  return {
    id,
    headNodes: id,
    crossing: [],
    headOutputs: [],
    tailOutputs: [],
    headGraph: id === 0 ? null : 'a'.repeat(64),
    tailGraph: share === 1 ? null : 'b'.repeat(64),
    headPacks: [],
    bytesUp: 1000,
    bytesDown: 10,
    headFlops: share * 1e9,
    headMs: share * 10,
    tailMs: (1 - share) * 10,
    timed: true,
    ...more,
  };
}

function table(...cuts: Cut[]): CutTable {
  return {
    format: 'cutpoint.cuts.v1',
    model: 'm',
    variant: 'v',
    tensors: [],
    nodes: Array.from({ length: 10 }, (_, i) => ({ opType: 'Conv', name: `n${i}`, flops: 1e8 })),
    cuts,
    profile: { machine: '', provider: 'cpu', threads: 1 },
  };
}

describe('arms of a cut table', () => {
  const info = (name: string, type: TensorInfo['type'], dims = [1000]): TensorInfo => ({ name, type, dims });
  const variant = (more: Partial<Variant> = {}): Variant => ({
    id: 'v',
    kind: 'tensors',
    inputs: [info('x', 'float32')],
    outputs: [],
    table: 'c'.repeat(64),
    ...more,
  });
  const all = new Set<string>(TENSOR_CODECS);
  const codecsAt = (arms: readonly Arm[], id: number) => arms.filter(({ cut }) => cut === id).map(({ codec }) => codec);

  it('are each cut with each codec that changes anything there, as they are first', () => {
    const tensors = [info('x', 'float32'), info('h', 'float16'), info('i', 'int64')];
    const cuts = [
      cut(0, 0, { crossing: [0] }),
      cut(4, 0.4, { crossing: [1] }),
      cut(6, 0.6, { crossing: [2] }),
      cut(10, 1),
    ];
    const arms = armsOf({ ...table(...cuts), tensors }, variant(), all);
    const deflated = ['f32+deflate', 'f16+deflate', 'u8+deflate'];
    expect(codecsAt(arms, 0)).toEqual(['f32', 'f16', 'u8', ...deflated]);
    expect(codecsAt(arms, 4)).toEqual(['f32', 'u8', 'f32+deflate', 'u8+deflate']);
    expect(codecsAt(arms, 6)).toEqual(['f32', 'f32+deflate']);
    expect(codecsAt(arms, 10)).toEqual(['f32']);
    expect(
      arms
        .filter(({ cut: id }) => id === 0)
        .map(({ bytesUp }) => bytesUp)
        .slice(0, 3),
    ).toEqual([4000, 2000, 1000]);
  });

  it('compress the input of a picture', () => {
    const pixels = info('image', 'uint8', [224, 224, 3]);
    const image = { input: 'image', height: 224, width: 224, fit: 'cover', pad: [0, 0, 0] } as const;
    const cuts = [cut(0, 0, { crossing: [0] }), cut(2, 0.2, { crossing: [0] })];
    const of = variant({ kind: 'pixels', inputs: [pixels], image: { ...image, pad: [0, 0, 0] } });
    const arms = armsOf({ ...table(...cuts), tensors: [pixels] }, of, all);
    expect(codecsAt(arms, 0)).toEqual(['f32', 'f32+deflate', 'jpeg', 'webp']);
    expect(codecsAt(arms, 2)).toEqual(['f32', 'f32+deflate']);
    const [raw, , jpeg] = arms;
    expect(jpeg?.bytesUp).toBeLessThan((raw?.bytesUp ?? 0) / 5);
    expect([raw?.accuracyDrop, jpeg?.accuracyDrop]).toEqual([0, 0.01]);
  });

  it('are what page and edge can both do', () => {
    const cuts = [cut(0, 0, { crossing: [0] })];
    const arms = (known: string[]) =>
      armsOf({ ...table(...cuts), tensors: [info('x', 'float32')] }, variant(), new Set(known)).map(
        ({ codec }) => codec,
      );
    expect(arms([])).toEqual(['f32']);
    expect(arms(['u8', 'something new'])).toEqual(['f32', 'u8']);
    expect(arms(['deflate', 'f16'])).toEqual(['f32', 'f16', 'f32+deflate', 'f16+deflate']);
  });

  it('say which use the edge, which are prefix cuts, and which give the input away', () => {
    const tensors = [info('x', 'float32'), info('h', 'float32')];
    const nodes = ['Cast', 'Conv', 'Relu'].map((opType) => ({ opType, name: '', flops: 1 }));
    const crossing = [1];
    const cuts = [
      cut(0, 0, { crossing: [0] }),
      cut(1, 0.1, { crossing }),
      cut(2, 0.9, { crossing }),
      cut(3, 1),
      cut(4, 0.4, { crossing: [0, 1], headNodes: 2 }),
    ];
    const arms = armsOf({ ...table(...cuts), tensors, nodes }, variant(), new Set());
    expect(arms.map(({ usesEdge }) => usesEdge)).toEqual([true, true, true, false, true]);
    expect(arms.map(({ isPrefix }) => isPrefix)).toEqual([true, true, true, true, false]);
    expect(arms.map(({ sendsInput }) => sendsInput)).toEqual([true, true, false, false, true]);
  });
});

describe('what a codec costs in accuracy', () => {
  const crossing: TensorInfo = { name: 'h', type: 'float32', dims: [1000] };
  const variant: Variant = { id: 'v', kind: 'tensors', inputs: [crossing], outputs: [], table: 'c'.repeat(64) };
  const measured = (codec: string, drop: number, inputs: number): Fidelity => ({ codec, drop, worst: drop, inputs });

  /** `accuracyDrop` by codec of a cut with these figures. */
  function drops(fidelity: Fidelity[] | undefined, metric?: Calibration['metric']): ReadonlyMap<string, number> {
    const cuts = [cut(3, 0.3, { crossing: [0], ...(fidelity && { fidelity }) })];
    const calibration: { calibration?: Calibration } = metric ? { calibration: { metric, inputs: 'pictures' } } : {};
    const arms = armsOf({ ...table(...cuts), tensors: [crossing], ...calibration }, variant, new Set(TENSOR_CODECS));
    return new Map(arms.map(({ codec, accuracyDrop = Number.NaN }) => [codec, accuracyDrop]));
  }

  it('is the default where the edge says nothing, and nothing where nothing is lost', () => {
    const stated = drops(undefined);
    expect([stated.get('f16'), stated.get('u8')]).toEqual([DEFAULT_ACCURACY_DROP.f16, DEFAULT_ACCURACY_DROP.u8]);
    expect([stated.get('f32'), stated.get('f32+deflate')]).toEqual([0, 0]);
  });

  it('is what the edge measured, deflated or not, and the default for a codec that it left out', () => {
    const own = drops([measured('u8', 0.3, 12)], 'relative-error');
    expect([own.get('u8'), own.get('u8+deflate')]).toEqual([0.3, 0.3]);
    expect(own.get('f16')).toBe(DEFAULT_ACCURACY_DROP.f16);
    expect(drops([measured('u8', 0.0004, 12)], 'relative-error').get('u8')).toBe(0.0004);
  });

  it('is never nothing for a codec that rounds, so that an app that allows nothing gets the numbers as they are', () => {
    for (const metric of ['relative-error', 'top-1'] as const) {
      expect(drops([measured('f16', 0, 1000)], metric).get('f16')).toBeGreaterThan(0);
    }
  });

  it('of few top-1 answers leans on the default, of many on what was measured, and never below it', () => {
    const of = (drop: number, inputs: number) => drops([measured('u8', drop, inputs)], 'top-1').get('u8') ?? Number.NaN;
    expect(of(0, 8)).toBeCloseTo(0.005, 3);
    expect(of(0, 100_000)).toBeLessThan(1e-5);
    // One of ten changed: that may be chance, but there is no better figure.
    expect(of(0.1, 10)).toBe(0.1);
    expect(of(1, 4)).toBe(1);
  });

  it('of a cut that was not measured is what the table puts there', () => {
    expect(drops([measured('u8', 0.2, 0)], 'top-1').get('u8')).toBe(0.2);
  });

  it('decides what maxAccuracyDrop allows', () => {
    const cuts = [
      cut(2, 0.2, { crossing: [0], fidelity: [measured('u8', 0.4, 12), measured('f16', 0.0001, 12)] }),
      cut(3, 0.3, { crossing: [0], fidelity: [measured('u8', 0.002, 12), measured('f16', 0.0001, 12)] }),
    ];
    const calibration: Calibration = { metric: 'relative-error', inputs: 'pictures' };
    const arms = armsOf({ ...table(...cuts), tensors: [crossing], calibration }, variant, new Set(['f16', 'u8']));
    const allowed = (maxAccuracyDrop: number) =>
      arms.filter((arm) => permits({ maxAccuracyDrop }, arm)).map((arm) => `${arm.cut} ${arm.codec}`);
    expect(allowed(0.01)).toEqual(['2 f32', '2 f16', '3 f32', '3 f16', '3 u8']);
    expect(allowed(0.001)).toEqual(['2 f32', '2 f16', '3 f32', '3 f16']);
    expect(allowed(0)).toEqual(['2 f32', '3 f32']);
  });
});

describe('what may be lost when the app does not say', () => {
  const arm = (codec: Arm['codec'], accuracyDrop: number) => ({ codec, accuracyDrop }) as Arm;
  const classes = { type: 'tensors' } as const;

  it('is nothing for tensors', () => {
    expect(defaultMaxAccuracyDrop('tensors', [arm('u8', 0.2)], classes)).toBe(0);
  });

  it('is for pictures what their own compression loses, and a hundredth at least', () => {
    expect(defaultMaxAccuracyDrop('pixels', [arm('u8', 0.2), arm('jpeg', 0.04), arm('webp', 0.03)], classes)).toBe(
      0.04,
    );
    expect(defaultMaxAccuracyDrop('pixels', [arm('u8', 0.2), arm('jpeg', 0.002)], classes)).toBe(0.01);
    expect(defaultMaxAccuracyDrop('pixels', [arm('u8', 0.2)], classes)).toBe(0.01);
  });

  it('is less than a JPEG loses where lines of text are read', () => {
    const text: Parameters<typeof defaultMaxAccuracyDrop>[2] = {
      type: 'text-recognition',
      values: 'v',
      indices: 'i',
      labels: [],
    };
    expect(defaultMaxAccuracyDrop('pixels', [arm('u8', 0.2), arm('jpeg', 0.0098)], text)).toBeLessThan(0.0098);
    expect(defaultMaxAccuracyDrop('pixels', [arm('u8', 0.2), arm('jpeg', 0.0098)], text)).toBeGreaterThan(0.00495);
  });
});

describe('the nearest listed cut', () => {
  it('is the one asked for, or the closest, of two the lower', () => {
    const gaps = table(cut(0, 0), cut(4, 0.4), cut(8, 0.8), cut(10, 1));
    expect([0, 1, 2, 3, 6, 9, 99].map((id) => nearestCut(gaps, id)?.id)).toEqual([0, 0, 0, 4, 4, 8, 10]);
  });
});

describe('the head to learn the device by', () => {
  it('has a tenth to a quarter of the work, and the fewest weights', () => {
    const cuts = table(cut(0, 0), cut(1, 0.02), cut(2, 0.12), cut(3, 0.2), cut(5, 0.5), cut(10, 1));
    const bytes = (each: Cut) => (each.id === 2 ? 500 : 100);
    expect(calibrationCut(cuts, bytes)?.id).toBe(3);
  });

  it('is the nearest to that when none has', () => {
    expect(calibrationCut(table(cut(0, 0), cut(1, 0.02), cut(5, 0.5), cut(10, 1)), () => 0)?.id).toBe(1);
  });

  it('stays short when the network is long', () => {
    const long = table(
      ...[0.004, 0.02, 0.1, 0.2].map((share, i) => cut(i + 1, share, { headMs: share * 1000 })),
      cut(10, 1, { headMs: 1000 }),
    );
    expect(calibrationCut(long, () => 0)?.headMs).toBe(4);
  });

  it('is none when there is no head', () => {
    expect(calibrationCut(table(cut(0, 0)), () => 0)).toBeUndefined();
  });
});
