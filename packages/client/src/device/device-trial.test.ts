import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HeadStore, headSpec, hollowSpec } from '../heads/head-store.js';
import { PackStore } from '../heads/pack-store.js';
import { EdgeHttp } from '../http.js';
import { Overlap } from '../overlap.js';
import type { DeviceChoice } from '../session.js';
import { FakeWorker } from '../testing/fake-worker.js';
import { ManualClock } from '../testing/manual-clock.js';
import { TinyEdge, tinyHead, tinyManifest, tinyTable } from '../testing/tiny-edge.js';
import type { Call, ProbeCall } from '../worker/messages.js';
import { Runtime } from '../worker/runtime.js';
import { type DeviceMemory, type Remembered, stillTrue } from './device-memory.js';
import { DeviceTrial, type TimedHead, type TrialParts } from './device-trial.js';

/** ms of a run by kind and threads; or what goes wrong. */
type Speeds = Readonly<Record<string, number | 'broken' | 'unreachable' | 'frozen' | 'silent'>>;

const ADAPTER = 'a test GPU';

beforeEach(() => {
  vi.stubGlobal('crossOriginIsolated', true);
  vi.stubGlobal('navigator', { hardwareConcurrency: 8 });
});
afterEach(() => vi.unstubAllGlobals());

function choiceOf({ device, threads = 4, remembered }: ProbeCall): DeviceChoice {
  const [known] = remembered ?? [];
  const kind = device === 'auto' ? (known?.kind ?? 'webgpu') : device;
  const found: DeviceChoice = {
    kind,
    build: kind === 'webgpu' ? 'jspi' : 'wasm',
    threads: known?.threads ?? threads,
    reason: '',
  };
  return { ...found, adapter: ADAPTER, ...(known ? { measured: known.measured } : {}) };
}

/** A worker on which heads take as long as `speeds` say. */
function workerOf(speeds: Speeds): FakeWorker {
  let name = '';
  return new FakeWorker((call: Call) => {
    if (call.type === 'probe') {
      const choice = choiceOf(call);
      name = choice.kind === 'webgpu' ? 'webgpu' : `wasm-${choice.threads}`;
      return speeds[name] === 'silent' ? undefined : { value: choice };
    }
    const speed = speeds[name] ?? 1;
    if (call.type === 'load' && speed === 'unreachable') return { error: 'offline', isUnavailable: true };
    if (call.type === 'create' && speed === 'broken') return { error: 'no such operator' };
    if (call.type === 'create' && speed === 'frozen') return undefined;
    if (call.type === 'create') return { value: { inputNames: ['x'], provider: call.provider, warmUpMs: 1 } };
    if (call.type === 'run') return { value: { outputs: [], encoded: [], headMs: Number(speed) - 1, encodeMs: 1 } };
    return tinyHead(call);
  });
}

function headOf(cut: 1 | 2, provider: 'webgpu' | 'wasm', headFlops: number = cut): TimedHead {
  const table = tinyTable();
  const manifest = tinyManifest(table);
  const [variant] = manifest.variants;
  const found = table.cuts[cut];
  if (!variant || !found) throw new Error('the tiny network has lost a cut');
  const spec = headSpec(manifest, variant, { ...found, headFlops }, provider, table);
  const created = { inputNames: ['x'], provider, warmUpMs: 1 };
  const feeds = [{ name: 'x', type: 'float32' as const, dims: [2], bytes: new Uint8Array(8) }];
  return { head: { key: `head ${cut}`, spec, created }, work: { feeds, fetches: ['h'] } };
}

async function begin(speeds: Speeds, remembered: readonly Remembered[] = []) {
  const clock = new ManualClock();
  const workers: FakeWorker[] = [];
  const spawn = () => {
    const worker = workerOf(speeds);
    workers.push(worker);
    return worker;
  };
  const started = await Runtime.start('auto', clock, spawn, { remembered: Promise.resolve(remembered) });
  const { runtime } = started;
  let { device } = started;
  for (const { head } of [headOf(1, device.kind), headOf(2, device.kind)]) {
    const { inputs, provider } = head.spec;
    await runtime.call({ type: 'create', key: head.key, graph: new Uint8Array(4), packs: [], inputs, provider });
  }
  for (const event of ['restarted', 'confirmed'] as const) {
    runtime.events.on(event, (choice) => {
      device = choice;
    });
  }
  const kept: Remembered[] = [];
  const memory: DeviceMemory = {
    read: async () => remembered,
    // As a database that never answers.
    keep: (one) => {
      kept.push(one);
      return new Promise(() => {});
    },
  };
  const inferences = new Overlap();
  const page = { isFree: true };
  const released = new Set<string>();
  const trialWith = (own: Partial<TrialParts> = {}) =>
    new DeviceTrial({
      clock,
      runtime,
      memory,
      model: 'tiny',
      inferences,
      device: () => device,
      isBuilt: ({ key }) => !released.has(key),
      partsOf: async () => ({ graph: new Uint8Array(4), packs: [] }),
      mayMeasure: () => page.isFree,
      today: () => 1_000_000,
      spawn,
      ...own,
    });
  const trial = trialWith();
  /** Lets time pass, and everything that falls due in it. */
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500);
      for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { clock, runtime, workers, kept, inferences, page, released, trial, trialWith, pass, device: () => device };
}

const FAST_CPU: Speeds = { webgpu: 900, 'wasm-4': 12, 'wasm-1': 30 };

describe('a head that was built', () => {
  it('is timed in every way while nothing runs, and heads move to where it is fastest', async () => {
    const { trial, pass, device, kept, workers } = await begin(FAST_CPU);
    expect(device()).toMatchObject({ kind: 'webgpu' });
    trial.offer(headOf(1, 'webgpu'));
    await pass(6000);
    expect(device()).toMatchObject({ kind: 'wasm', threads: 4, build: 'wasm' });
    expect(device().measured).toEqual({
      candidates: [
        { kind: 'webgpu', threads: 4, ms: 900 },
        { kind: 'wasm', threads: 4, ms: 12 },
        { kind: 'wasm', threads: 1, ms: 30 },
      ],
      atMs: 1_000_000,
      head: 'cut 1 of tensors:x=2',
      headFlops: 1,
      ort: '1.0.0',
      remembered: false,
    });
    expect(device().reason).toBe(
      'WASM with 4 threads 12 ms, WASM with 1 thread 30 ms, WebGPU 900 ms (cut 1 of tensors:x=2), measured here.',
    );
    expect(kept).toMatchObject([{ model: 'tiny', adapter: ADAPTER, mostThreads: 4, kind: 'wasm', threads: 4 }]);
    expect(workers.filter(({ isTerminated }) => !isTerminated)).toHaveLength(1);
  });

  it.each<[string, Speeds, object]>([
    ['stays on a graphics device that is faster', { webgpu: 5, 'wasm-4': 12, 'wasm-1': 30 }, { kind: 'webgpu' }],
    ['stays where it is for a few percent', { webgpu: 12.5, 'wasm-4': 12, 'wasm-1': 30 }, { kind: 'webgpu' }],
    [
      'runs on one thread where more are slower',
      { webgpu: 90, 'wasm-4': 40, 'wasm-1': 9 },
      { kind: 'wasm', threads: 1 },
    ],
    ['stays where nothing else can run it', { webgpu: 90, 'wasm-4': 'broken', 'wasm-1': 'broken' }, { kind: 'webgpu' }],
    ['does not wait for what freezes', { webgpu: 90, 'wasm-4': 'frozen', 'wasm-1': 9 }, { kind: 'wasm', threads: 1 }],
  ])('%s', async (_what, speeds, wanted) => {
    const { trial, pass, device, kept } = await begin(speeds);
    trial.offer(headOf(1, 'webgpu'));
    await pass(40_000);
    expect(device()).toMatchObject(wanted);
    expect(device().measured?.remembered).toBe(false);
    expect(kept).toHaveLength(1);
    const broken = Object.entries(speeds).filter(([, speed]) => typeof speed === 'string');
    expect(device().measured?.candidates.filter(({ ms }) => ms === undefined)).toHaveLength(broken.length);
  });

  it('is no reason to believe anything when onnxruntime-web did not arrive', async () => {
    const { trial, pass, device, kept, workers } = await begin({ webgpu: 90, 'wasm-4': 'unreachable' });
    trial.offer(headOf(1, 'webgpu'));
    await pass(60_000);
    expect(kept).toEqual([]);
    expect(device()).not.toHaveProperty('measured');
    // Three tries, each in a worker of its own, and none is left behind.
    expect(workers).toHaveLength(4);
    expect(workers.filter(({ isTerminated }) => !isTerminated)).toHaveLength(1);
  });

  it('is passed over when it was released meanwhile, for the next one that is built', async () => {
    const { trial, pass, device, kept, released } = await begin(FAST_CPU);
    trial.offer(headOf(2, 'webgpu', 100));
    released.add('head 2');
    await pass(20_000);
    expect(kept).toEqual([]);
    trial.offer(headOf(1, 'webgpu', 10));
    await pass(6000);
    expect(device()).toMatchObject({ kind: 'wasm', threads: 4 });
    expect(kept).toHaveLength(1);
  });

  it('is let alone where it runs on the CPU because the graphics device cannot run it', async () => {
    const { trial, pass, workers, kept } = await begin(FAST_CPU);
    trial.offer(headOf(1, 'wasm'));
    await pass(10_000);
    expect([workers.length, kept.length]).toEqual([1, 0]);
  });
});

describe('a head without its weights', () => {
  it('is timed in every way with zeros in their place, fetches none, and decides like any other', async () => {
    const edge = await TinyEdge.listen();
    try {
      const { clock, runtime, workers, trialWith, pass, device, kept } = await begin(FAST_CPU);
      const heads = new HeadStore(new PackStore(new EdgeHttp(edge.baseUrl, undefined, clock)), runtime);
      const { head, work } = headOf(1, 'webgpu');
      const hollow = await heads.prepare(hollowSpec(head.spec), () => {});
      const trial = trialWith({
        isBuilt: (part) => heads.get(part.key) === part,
        partsOf: ({ spec }) => heads.filesOf(spec),
      });
      trial.offer({ head: hollow, work });
      await expect
        .poll(async () => {
          await pass(500);
          return kept.length;
        })
        .toBe(1);
      expect(device()).toMatchObject({ kind: 'wasm', threads: 4 });
      const builds = workers.flatMap(({ calls }) => calls.flatMap((call) => (call.type === 'create' ? [call] : [])));
      const rivals = builds.filter(({ key, provider }) => key === hollow.key && provider === 'wasm');
      expect(rivals).toHaveLength(2);
      const [pack] = edge.manifest.packs;
      for (const { packs } of rivals) {
        expect(packs).toEqual([{ path: pack?.sha256, bytes: new Uint8Array(pack?.numBytes ?? 0) }]);
      }
      expect(edge.asked).toEqual([`/v1/graphs/${hollow.spec.graph}`]);
    } finally {
      await edge.close();
    }
  });
});

describe('a page with other things to do', () => {
  it('is not measured while inferences run, or begin within the pause', async () => {
    const { trial, pass, inferences, workers, kept } = await begin(FAST_CPU);
    trial.offer(headOf(1, 'webgpu'));
    for (let i = 0; i < 20; i++) {
      const ends = inferences.begin();
      await pass(500);
      ends();
      await pass(500);
    }
    const ends = inferences.begin();
    await pass(20_000);
    expect(workers).toHaveLength(1);
    ends();
    await pass(8000);
    expect(kept).toHaveLength(1);
  });

  it('is not measured while it is hidden or saves data', async () => {
    const { trial, pass, page, workers, kept } = await begin(FAST_CPU);
    page.isFree = false;
    trial.offer(headOf(1, 'webgpu'));
    await pass(20_000);
    expect(workers).toHaveLength(1);
    page.isFree = true;
    await pass(8000);
    expect(kept).toHaveLength(1);
  });

  it('throws away times that an inference fell into, and measures again later', async () => {
    const { trial, pass, inferences, workers, kept } = await begin(FAST_CPU);
    trial.offer(headOf(1, 'webgpu'));
    const original = workers[0]?.postMessage.bind(workers[0]);
    let isFirst = true;
    if (workers[0] && original) {
      workers[0].postMessage = (message, transfer) => {
        if ('call' in message && message.call.type === 'run' && isFirst) {
          isFirst = false;
          inferences.begin()();
        }
        original(message, transfer);
      };
    }
    await pass(3500);
    expect(isFirst).toBe(false);
    expect(kept).toEqual([]);
    await pass(8000);
    expect(kept).toHaveLength(1);
  });

  it.each([
    ['frozen', 'builds'],
    ['silent', 'has not even chosen its device'],
  ] as const)('that closes leaves no worker behind, also none that is %s: it %s', async (state, _what) => {
    const { trial, pass, workers, runtime, kept } = await begin({ webgpu: 90, 'wasm-4': state });
    trial.offer(headOf(1, 'webgpu'));
    await pass(6000);
    expect(workers).toHaveLength(2);
    trial.close();
    runtime.close();
    expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([true, true]);
    await pass(60_000);
    expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([true, true]);
    expect(kept).toEqual([]);
  });
});

describe('at the next visit', () => {
  const known: Remembered = {
    model: 'tiny',
    adapter: ADAPTER,
    mostThreads: 4,
    kind: 'wasm',
    threads: 1,
    measured: {
      candidates: [
        { kind: 'webgpu', threads: 4, ms: 90 },
        { kind: 'wasm', threads: 1, ms: 9 },
      ],
      atMs: 5000,
      head: 'a head',
      headFlops: 1,
      ort: '1.0.0',
      remembered: true,
    },
  };

  it('what was remembered is taken at once, and nothing is measured', async () => {
    const { trial, pass, device, workers, kept } = await begin(FAST_CPU, [known]);
    expect(device()).toMatchObject({ kind: 'wasm', threads: 1, measured: { remembered: true } });
    expect(device().reason).toMatch(
      /WASM with 1 thread 9\.0 ms, WebGPU 90 ms \(a head\), measured at an earlier visit/,
    );
    trial.offer(headOf(1, 'wasm'));
    await pass(20_000);
    expect([workers.length, kept.length]).toEqual([1, 0]);
  });

  it.each<[string, Remembered, number]>([
    ['another onnxruntime-web', { ...known, measured: { ...known.measured, ort: '0.9.0' } }, 1],
    ['a head of much more work', known, 4],
  ])('%s is measured', async (_what, remembered, flops) => {
    const { trial, pass, device, kept } = await begin(FAST_CPU, [remembered]);
    trial.offer(headOf(1, 'wasm', flops));
    await pass(10_000);
    expect(kept).toHaveLength(1);
    expect(device()).toMatchObject({ kind: 'wasm', threads: 4, measured: { remembered: false, headFlops: flops } });
  });

  it('what is too old, of tomorrow or not understood is not relied upon', () => {
    const day = 24 * 3600 * 1000;
    const at = (atMs: number): Remembered => ({ ...known, measured: { ...known.measured, atMs, remembered: false } });
    const now = 100 * day;
    expect(stillTrue([at(now - 29 * day), at(now), at(now - 31 * day), at(now + 1)], now)).toEqual([
      { ...at(now), measured: { ...at(now).measured, remembered: true } },
      { ...at(now - 29 * day), measured: { ...at(now - 29 * day).measured, remembered: true } },
    ]);
    const damaged = [
      null,
      7,
      {},
      { ...at(now), kind: 'npu' },
      { ...at(now), threads: 64 },
      { ...at(now), measured: { ...at(now).measured, candidates: [] } },
      { ...at(now), measured: { ...at(now).measured, atMs: 'yesterday' } },
    ];
    expect(stillTrue(damaged, now)).toEqual([]);
  });
});
