import { Controller, type PolicyName } from '@cutpoint/partition';
import type { Cut } from '@cutpoint/protocol';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { armsOf } from './arms.js';
import { WeightBudget } from './heads/weight-budget.js';
import { weightRules } from './heads/weight-rules.js';
import { Preparation } from './preparation.js';
import { headGraph, openTinyEdge, TinyEdge, tinyHead, tinyTable } from './testing/tiny-edge.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const MIB = 2 ** 20;
const LAST = 4;

/** Five cuts: each node takes 10 ms, has weights of its own, and halves what crosses. */
function deepTable() {
  const [zero] = tinyTable().cuts;
  if (!zero) throw new Error('the table has no cut 0');
  const cuts = Array.from({ length: LAST + 1 }, (_, id): Cut => {
    const isLast = id === LAST;
    return {
      ...zero,
      id,
      headNodes: id,
      crossing: isLast ? [] : [id],
      headOutputs: isLast ? ['y'] : [],
      tailOutputs: isLast ? [] : ['y'],
      headGraph: id === 0 ? null : headGraph(id),
      tailGraph: isLast ? null : zero.tailGraph,
      headPacks: Array.from({ length: id }, (_, index) => index),
      headMs: 10 * id,
      tailMs: 10 * (LAST - id),
    };
  });
  const tensors = cuts.map(({ id }) => ({
    name: id === 0 ? 'x' : `h${id}`,
    type: 'float32' as const,
    dims: [25_000 >> id],
  }));
  const nodes = Array.from({ length: LAST }, (_, i) => ({ opType: 'Relu', name: `n${i}`, flops: 1 }));
  return tinyTable({ cuts, tensors, nodes });
}

interface Given {
  readonly packBytes?: number;
  readonly policy?: PolicyName;
  /** For 100 kB. */
  readonly upMs?: number;
  /** Of the first node; without it heads take no time to speak of. */
  readonly nodeMs?: number;
}

async function open({ packBytes = MIB, policy = 'cutpoint', upMs = 1000, nodeMs }: Given = {}) {
  const tiny = await TinyEdge.listen();
  cleanups.push(() => tiny.close());
  tiny.table = deepTable();
  tiny.packs = Array.from({ length: LAST }, (_, i) => Buffer.alloc(packBytes, i));
  const timed: number[] = [];
  const runsBeside: boolean[] = [];
  const edge = await openTinyEdge(tiny, (call) => {
    const hollow = call.type === 'create' ? /(\d+)\/hollow$/.exec(call.key)?.[1] : undefined;
    if (hollow !== undefined) timed.push(Number(hollow));
    if (call.type === 'run') runsBeside.push(!edge.access.undertakings.isIdle);
    const { value } = tinyHead(call);
    if (nodeMs === undefined || call.type !== 'run' || !value || !('headMs' in value)) return { value };
    const nodes = Number(/(\d+)(?:\/hollow)?$/.exec(call.key)?.[1]);
    return { value: { ...value, headMs: nodeMs * nodes } };
  });
  cleanups.push(() => edge.access.release());
  const { manifest, table } = tiny;
  const [variant] = manifest.variants;
  if (!variant) throw new Error('the model has no variant');
  const controller = new Controller(armsOf(table, variant, new Set()), { policy, link: edge.link });
  const nowMs = edge.clock.now();
  // A slow way up: the deeper, the better.
  controller.observeTransfer('up', { numBytes: 100_000, spanMs: upMs }, nowMs);
  controller.observeTransfer('down', { numBytes: 100_000, spanMs: 10 }, nowMs);
  controller.observeHead(1, nodeMs ?? 10, nowMs);
  const prepared: number[] = [];
  const host = {
    edge,
    manifest,
    provider: () => 'wasm' as const,
    budget: new WeightBudget(
      edge.packs,
      weightRules({}, () => undefined),
    ),
    onHead: () => {},
    onProgress: () => {},
    onPlan: () => {},
    afterFirst: Promise.resolve(),
    life: new AbortController().signal,
  };
  const preparation = new Preparation({
    host: { ...host, onHead: ({ spec }) => void (spec.kind === 'head' && prepared.push(spec.cut.id)) },
    variant,
    table,
    controller,
  });
  const explain = () => controller.decide(edge.clock.now(), { peek: true });
  const follow = () => preparation.wishOf(explain(), explain);
  const isReady = (cut: number) => controller.isReady(cut);
  return { tiny, edge, prepared, timed, runsBeside, explain, follow, isReady, preparation };
}

describe('weights that take long to come', () => {
  it('deepen the cut in steps, each fetching at most half of what is wished for', async () => {
    const { tiny, edge, prepared, explain, follow } = await open();
    expect(explain()).toMatchObject({ chosen: { arm: { cut: 0 } }, wish: { arm: { cut: LAST } } });
    await follow();
    // From the first one on it is known how fast they come here: there is nothing to do in steps any more.
    expect(prepared).toEqual([1, LAST]);
    expect(edge.packs.bytesPerMs).toBeGreaterThan(500);
    const packs = tiny.asked.filter((path) => path.startsWith('/v1/packs/'));
    expect(packs).toEqual(tiny.manifest.packs.map(({ sha256 }) => `/v1/packs/${sha256}`));
  });

  it.each([
    ['are few', { packBytes: MIB / 8 }],
    ['are for a policy that reckons otherwise', { policy: 'local' as const }],
  ])('come in one go where they %s', async (_what, options) => {
    const { prepared, explain, follow } = await open(options);
    const { wish } = explain();
    await follow();
    expect(prepared[0]).toBe(wish.arm.cut);
  });
});

describe('a head that is only hoped for', () => {
  it('is timed without its weights, and they are fetched for none that is slower', async () => {
    const { tiny, edge, prepared, timed, explain, follow } = await open({ upMs: 20, nodeMs: 25 });
    const { wish, chosen } = explain();
    expect(chosen.arm.cut).toBe(0);
    expect(wish.arm.cut).toBeGreaterThan(2);
    await follow();
    expect(timed).toEqual([wish.arm.cut]);
    expect(explain().wish.arm.cut).toBe(0);
    expect(prepared).toEqual([]);
    expect(tiny.asked.filter((path) => path.startsWith('/v1/packs/'))).toEqual([]);
    expect(
      edge.heads.get(`${tiny.manifest.variants[0]?.table}/${wish.arm.cut}/hollow`),
      'it is let go',
    ).toBeUndefined();
  });

  it('is prepared all the same where its time cannot be told', async () => {
    const { prepared, timed, explain, follow } = await open({ upMs: 20, nodeMs: 0 });
    const { wish } = explain();
    await follow();
    expect(timed).toEqual([wish.arm.cut]);
    expect(prepared).toEqual([wish.arm.cut]);
  });
});

describe('a fresh head', () => {
  it('is timed when nothing that the app asked for is under way', async () => {
    const { edge, prepared, runsBeside, follow } = await open();
    const end = edge.access.undertakings.begin();
    const following = follow();
    await vi.waitUntil(() => prepared.length > 0);
    setTimeout(end, 20);
    await following;
    expect(runsBeside.length).toBeGreaterThan(1);
    expect(runsBeside).not.toContain(true);
  });

  it('is ready before it is timed where an inference waits for it', async () => {
    const { edge, runsBeside, isReady, preparation } = await open();
    const end = edge.access.undertakings.begin();
    await preparation.nearest(1, new AbortController().signal);
    expect(isReady(1)).toBe(true);
    expect(runsBeside).toEqual([]);
    end();
    await vi.waitUntil(() => runsBeside.length > 5);
    expect(runsBeside).not.toContain(true);
  });
});

describe('what is asked for once', () => {
  it('follows the work under way, where what is asked for again and again gives way to it', async () => {
    const { preparation } = await open();
    const done: string[] = [];
    const work = (what: string) => async () => void done.push(what);
    let end = () => {};
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    preparation.inBackground(() => held);
    preparation.inBackground(work('a wish'));
    preparation.soon(work('a cut that is not forced any more'));
    preparation.soon(work('the forced cut'));
    end();
    await vi.waitUntil(() => done.length > 0);
    expect(done).toEqual(['the forced cut']);
  });

  it('is left when nothing is asked for any more', async () => {
    const { preparation } = await open();
    const done: string[] = [];
    preparation.inBackground(async () => void done.push('the work under way'));
    preparation.soon(async () => void done.push('a forced cut'));
    preparation.soon(undefined);
    await vi.waitUntil(() => done.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(done).toEqual(['the work under way']);
  });
});
