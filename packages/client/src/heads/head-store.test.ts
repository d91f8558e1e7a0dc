import type { Cut } from '@cutpoint/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { SYSTEM_CLOCK } from '../clock.js';
import { EdgeHttp } from '../http.js';
import { FakeWorker } from '../testing/fake-worker.js';
import { TinyEdge, tinyHead } from '../testing/tiny-edge.js';
import type { Call } from '../worker/messages.js';
import { Runtime } from '../worker/runtime.js';
import { HeadStore, headSpec, hollowSpec, type PartSpec } from './head-store.js';
import { PackStore } from './pack-store.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(
  perform: (call: Call) => ReturnType<typeof tinyHead> | { error: string } = tinyHead,
  wanted: 'auto' | 'wasm' = 'wasm',
) {
  const edge = await TinyEdge.listen();
  cleanups.push(() => edge.close());
  const workers: FakeWorker[] = [];
  const { runtime } = await Runtime.start(wanted, SYSTEM_CLOCK, () => {
    const worker = new FakeWorker(perform);
    workers.push(worker);
    return worker;
  });
  const http = new EdgeHttp(edge.baseUrl, undefined);
  const heads = new HeadStore(new PackStore(http), runtime);
  cleanups.push(() => runtime.close());
  const released: string[] = [];
  heads.events.on('released', ({ key }) => released.push(key));
  /** Of the `version`th version of the model: the same head under another name. */
  const spec = (version = 0) => {
    const { manifest, table } = edge;
    const [variant] = manifest.variants;
    const cut = table.cuts[1];
    if (!variant || !cut) throw new Error('the model has no cut 1');
    return headSpec(manifest, { ...variant, table: String(version).repeat(64) }, cut, 'wasm', table);
  };
  const calls = (type: Call['type']) => workers.flatMap(({ calls }) => calls.filter((call) => call.type === type));
  return { edge, heads, spec, released, workers, calls };
}

const quiet = () => {};

describe('a head', () => {
  it('is built once for all who ask, and its weights are fetched once', async () => {
    const { edge, heads, spec, calls } = await open();
    const [first, second] = await Promise.all([heads.prepare(spec(), quiet), heads.prepare(spec(), quiet)]);
    expect(second).toBe(first);
    expect(await heads.prepare(spec(), quiet)).toBe(first);
    expect(calls('create')).toHaveLength(1);
    expect(edge.asked.filter((path) => path.startsWith('/v1/packs/'))).toHaveLength(1);
  });

  it('tells how far it is', async () => {
    const { heads, spec } = await open();
    const stages: string[] = [];
    const { loadedBytes, totalBytes } = await new Promise<{ loadedBytes: number; totalBytes: number }>((resolve) => {
      void heads.prepare(spec(), (progress) => {
        stages.push(progress.stage);
        if (progress.stage === 'session') resolve(progress);
      });
    });
    expect([...new Set(stages)]).toEqual(['runtime', 'weights', 'session']);
    expect(loadedBytes).toBe(totalBytes);
  });

  it('leaves on the GPU what only travels, and nothing that the page needs as it is', async () => {
    const { edge, spec, heads, calls } = await open();
    await heads.prepare(spec(), quiet);
    expect(calls('create')).toMatchObject([{ onGpu: ['h'] }]);
    const [cut, variant] = [edge.table.cuts[1], edge.manifest.variants[0]];
    if (!cut || !variant) throw new Error('the model has no cut 1');
    const onGpu = (changed: Partial<Cut>, table = edge.table, own = variant) =>
      headSpec(edge.manifest, own, { ...cut, ...changed }, 'webgpu', table).onGpu;
    expect(onGpu({ headOutputs: ['h'] })).toEqual([]);
    expect(onGpu({}, edge.table, { ...variant, inputs: [{ name: 'h', type: 'float32', dims: [2] }] })).toEqual([]);
    const tensors = edge.table.tensors.map((tensor) => ({ ...tensor, type: 'int64' as const }));
    expect(onGpu({}, { ...edge.table, tensors })).toEqual([]);
  });

  it('goes on being built when one who asked gives up', async () => {
    const { heads, spec, calls } = await open();
    const abort = new AbortController();
    const caught = expect(heads.prepare(spec(), quiet, abort.signal)).rejects.toMatchObject({ code: 'aborted' });
    abort.abort();
    await caught;
    await heads.prepare(spec(), quiet);
    expect(calls('create')).toHaveLength(1);
  });

  it('that could not be built is built anew by the next who asks', async () => {
    let fails = true;
    const { heads, spec } = await open((call) =>
      call.type === 'create' && fails ? { error: 'no memory' } : tinyHead(call),
    );
    await expect(heads.prepare(spec(), quiet)).rejects.toMatchObject({ code: 'runtime_failed' });
    fails = false;
    await heads.prepare(spec(), quiet);
  });

  it('runs on copies: the feeds outlive a failure', async () => {
    const { heads, spec } = await open();
    const head = await heads.prepare(spec(), quiet);
    const x = { name: 'x', type: 'float32' as const, dims: [2], bytes: new Uint8Array(8) };
    const { outputs } = await heads.run(head, { feeds: [x], fetches: ['h'] });
    expect(outputs.map(({ name }) => name)).toEqual(['h']);
    expect(x.bytes.byteLength).toBe(8);
  });

  it('makes room for others when it was not used for longest', async () => {
    const { heads, spec, released, calls } = await open();
    const first = await heads.prepare(spec(0), quiet);
    for (let version = 1; version < 6; version++) await heads.prepare(spec(version), quiet);
    expect(released).toEqual([]);
    await heads.run(first, { feeds: [], fetches: ['h'] });
    await heads.prepare(spec(6), quiet);
    expect(released).toEqual([`${'1'.repeat(64)}/1`]);
    expect(heads.get(first.key)).toBe(first);
    expect(calls('release')).toHaveLength(1);
  });

  it.each([
    ['wasm', ['release', 'create'], 'a wasm heap never shrinks'],
    ['webgpu', ['create', 'release'], 'its pipelines serve the new one'],
  ] as const)('on %s goes in this order with the one that comes: %j', async (provider, order, why) => {
    const { heads, spec, workers } = await open();
    for (let version = 0; version < 6; version++) await heads.prepare({ ...spec(version), provider }, quiet);
    const before = workers[0]?.calls.length;
    await heads.prepare({ ...spec(6), provider }, quiet);
    const types = workers[0]?.calls.slice(before).map(({ type }) => type);
    expect(
      types?.filter((type) => type !== 'load'),
      why,
    ).toEqual(order);
  });

  it('is not pushed out by one that is only timed', async () => {
    const { heads, spec, released } = await open();
    for (let version = 0; version < 6; version++) await heads.prepare(spec(version), quiet);
    const hollow = await heads.prepare(hollowSpec(spec(6)), quiet);
    await heads.run(hollow, { feeds: [], fetches: ['h'], isTrial: true });
    expect(released).toEqual([]);
    await heads.prepare(spec(6), quiet);
    expect(released).toEqual([hollow.key, `${'0'.repeat(64)}/1`]);
  });

  it('is gone with the worker that it was built in', async () => {
    const { heads, spec, released, workers } = await open();
    const head = await heads.prepare(spec(), quiet);
    workers[0]?.say({ deviceLost: 'the driver went away' });
    expect(heads.get(head.key)).toBeUndefined();
    expect(released).toEqual([head.key]);
  });

  it('of a version that is gone is released', async () => {
    const { heads, spec, released, calls } = await open();
    await heads.prepare(spec(0), quiet);
    const kept = await heads.prepare(spec(1), quiet);
    heads.releaseVariants([spec(0).variant]);
    expect(released).toEqual([`${'0'.repeat(64)}/1`]);
    expect(heads.get(kept.key)).toBe(kept);
    expect(calls('release')).toHaveLength(1);
  });
});

describe('a head that WebGPU cannot run', () => {
  /** Workers of a page with a graphics device, where every head falls back. */
  const fallingBack =
    (plainFails: boolean) =>
    (call: Call): ReturnType<typeof tinyHead> | { error: string } => {
      if (call.type === 'probe' && call.device !== 'wasm') {
        return { value: { kind: 'webgpu', build: 'jspi', threads: 1, reason: 'a test' } };
      }
      if (call.type !== 'create') return tinyHead(call);
      if (call.provider === 'wasm') return plainFails ? { error: 'no memory' } : tinyHead(call);
      return { value: { inputNames: ['x'], provider: 'wasm', fallbackReason: 'no f16', warmUpMs: 1 } };
    };
  const onWebGpu = (spec: PartSpec): PartSpec => ({ ...spec, provider: 'webgpu' });

  it('runs in a worker of the plain build, and says why', async () => {
    const { heads, spec, workers } = await open(fallingBack(false), 'auto');
    const head = await heads.prepare(onWebGpu(spec()), quiet);
    expect(head).toMatchObject({ spec: { provider: 'wasm' }, created: { provider: 'wasm', fallbackReason: 'no f16' } });
    await heads.run(head, { feeds: [], fetches: ['h'] });
    expect(workers.map(({ calls }) => calls.at(-1)?.type)).toEqual(['create', 'run']);
    expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([true, false]);
  });

  it.each([
    ['that build cannot run it either', true, false],
    ['an inference waits for it', false, true],
  ])('stays where it was built when %s', async (_when, plainFails, isUrgent) => {
    const { heads, spec, workers } = await open(fallingBack(plainFails), 'auto');
    const head = await heads.prepare({ ...onWebGpu(spec()), isUrgent }, quiet);
    expect(head.spec.provider).toBe('webgpu');
    await heads.run(head, { feeds: [], fetches: ['h'] });
    expect(workers[0]?.calls.at(-1)?.type).toBe('run');
  });
});
