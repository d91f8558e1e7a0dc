import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SYSTEM_CLOCK } from '../clock.js';
import { EdgeHttp } from '../http.js';
import { HttpEdge } from '../testing/http-edge.js';
import { LinkPace } from './link-pace.js';
import { PackStore } from './pack-store.js';

const CONTENT = Buffer.from('weights, as far as anybody can tell');
const PACK = { sha256: createHash('sha256').update(CONTENT).digest('hex'), numBytes: CONTENT.byteLength };

let sent: Uint8Array;
let edge: HttpEdge;
let store: PackStore;
beforeEach(async () => {
  sent = CONTENT;
  edge = await HttpEdge.listen((_request, response) => response.end(sent));
  store = new PackStore(new EdgeHttp(edge.baseUrl, undefined));
});
afterEach(() => edge.close());

const get = () => store.get(PACK, () => {});

describe('a pack, where the platform has no cache', () => {
  it('is fetched once, and each asker has a copy of its own to give away', async () => {
    const first = await get();
    structuredClone(first, { transfer: [first.buffer] });
    expect(first.byteLength).toBe(0);
    const steps: number[] = [];
    expect(Buffer.from(await store.get(PACK, (numBytes) => steps.push(numBytes)))).toEqual(CONTENT);
    expect(steps).toEqual([PACK.numBytes]);
    expect(edge.requests.map(({ url }) => url)).toEqual([`/v1/packs/${PACK.sha256}`]);
  });

  it.each([
    ['of another content', Buffer.from(CONTENT).fill(0), /hash [0-9a-f]{64}/],
    ['cut short', CONTENT.subarray(1), /34 of 35 bytes/],
  ])('%s is refused, and not kept', async (_what, damaged, message) => {
    sent = damaged;
    await expect(get()).rejects.toMatchObject({ code: 'bad_weights', message });
    sent = CONTENT;
    expect(Buffer.from(await get())).toEqual(CONTENT);
    expect(edge.requests).toHaveLength(2);
  });
});

describe('a transfer that breaks off', () => {
  /** Bytes that each answer has before it breaks off; whole ones after that. */
  let breaksAt: number[];
  let takesRanges: boolean;
  const ranges = () => edge.requests.map(({ headers }) => headers.range);

  beforeEach(async () => {
    await edge.close();
    takesRanges = true;
    edge = await HttpEdge.listen((request, response) => {
      const from = takesRanges ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
      const rest = CONTENT.subarray(from);
      response.writeHead(from > 0 ? 206 : 200, { 'Content-Length': rest.byteLength });
      const end = breaksAt.shift();
      if (end === undefined) response.end(rest);
      else response.write(rest.subarray(0, end), () => setTimeout(() => response.destroy(), 20));
    });
    store = new PackStore(new EdgeHttp(edge.baseUrl, undefined));
  });

  it('is resumed where it ended, as long as each try brings something', async () => {
    breaksAt = [10, 5];
    const steps: number[] = [];
    expect(Buffer.from(await store.get(PACK, (numBytes) => steps.push(numBytes)))).toEqual(CONTENT);
    expect(ranges()).toEqual([undefined, 'bytes=10-', 'bytes=15-']);
    expect(steps.reduce((a, b) => a + b)).toBe(PACK.numBytes);
    expect(store.fetchedBytes).toBe(PACK.numBytes);
  });

  it('is resumed by the next who asks, when the edge was gone for a while', async () => {
    breaksAt = [10, 0];
    await expect(get()).rejects.toMatchObject({ code: 'edge_unreachable' });
    const steps: number[] = [];
    expect(Buffer.from(await store.get(PACK, (numBytes) => steps.push(numBytes)))).toEqual(CONTENT);
    expect(ranges()).toEqual([undefined, 'bytes=10-', 'bytes=10-']);
    expect(steps[0]).toBe(10);
    expect(steps.reduce((a, b) => a + b)).toBe(PACK.numBytes);
  });

  it('is resumed after its caller gave up', async () => {
    breaksAt = [10];
    const abort = new AbortController();
    const caught = expect(store.get(PACK, () => abort.abort(), abort.signal)).rejects.toMatchObject({
      code: 'aborted',
    });
    await caught;
    expect(Buffer.from(await get())).toEqual(CONTENT);
    expect(ranges()).toEqual([undefined, 'bytes=10-']);
  });

  it('after its last byte is whole: nothing is asked for', async () => {
    breaksAt = [CONTENT.byteLength];
    const abort = new AbortController();
    const caught = expect(store.get(PACK, () => abort.abort(), abort.signal)).rejects.toMatchObject({
      code: 'aborted',
    });
    await caught;
    const steps: number[] = [];
    expect(Buffer.from(await store.get(PACK, (numBytes) => steps.push(numBytes)))).toEqual(CONTENT);
    expect(steps.reduce((a, b) => a + b)).toBe(PACK.numBytes);
    expect(ranges()).toEqual([undefined]);
  });

  it('is gone on with by another who wanted it meanwhile', async () => {
    breaksAt = [10];
    const abort = new AbortController();
    const first = expect(store.get(PACK, () => abort.abort(), abort.signal)).rejects.toMatchObject({ code: 'aborted' });
    const others = [get(), get()];
    await first;
    for (const bytes of await Promise.all(others)) expect(Buffer.from(bytes)).toEqual(CONTENT);
    expect(ranges()).toEqual([undefined, 'bytes=10-']);
  });

  it('begins anew where the edge knows no ranges', async () => {
    takesRanges = false;
    breaksAt = [10];
    const steps: number[] = [];
    expect(Buffer.from(await store.get(PACK, (numBytes) => steps.push(numBytes)))).toEqual(CONTENT);
    expect(steps.reduce((a, b) => a + b)).toBe(PACK.numBytes);
    expect(edge.requests).toHaveLength(2);
  });
});

describe('beside inferences', () => {
  const WEIGHTS = randomBytes(100_000);
  const LARGE = { sha256: createHash('sha256').update(WEIGHTS).digest('hex'), numBytes: WEIGHTS.byteLength };
  const ranges = () => edge.requests.map(({ headers }) => headers.range);
  let pace: LinkPace;
  let takesRanges: boolean;

  beforeEach(async () => {
    await edge.close();
    takesRanges = true;
    edge = await HttpEdge.listen((request, response) => {
      const [, from = 0, to = ''] = /^bytes=(\d+)-(\d*)$/.exec((takesRanges && request.headers.range) || '') ?? [];
      const piece = WEIGHTS.subarray(Number(from), to === '' ? undefined : Number(to) + 1);
      response.writeHead(piece.byteLength < WEIGHTS.byteLength ? 206 : 200).end(piece);
    });
    pace = new LinkPace(SYSTEM_CLOCK);
    store = new PackStore(new EdgeHttp(edge.baseUrl, undefined), pace);
  });

  it('it comes in pieces, each when one begins, and the rest when they have ended', async () => {
    let end = pace.begin();
    const getting = store.get(LARGE, () => {});
    for (const wanted of [0, 1, 2]) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(edge.requests).toHaveLength(wanted);
      end();
      end = pace.begin();
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    end();
    expect(Buffer.from(await getting)).toEqual(WEIGHTS);
    expect(ranges()[0]).toBe('bytes=0-16383');
    expect(ranges()[1]).toMatch(/^bytes=16384-\d+$/);
    expect(ranges().at(-1)).toMatch(/^bytes=\d+-$/);
    expect(store.fetchedBytes).toBe(LARGE.numBytes);
  });

  it('it comes whole from an edge that knows no ranges', async () => {
    takesRanges = false;
    pace.begin();
    const getting = store.get(LARGE, () => {});
    await new Promise((resolve) => setTimeout(resolve, 20));
    pace.begin();
    expect(Buffer.from(await getting)).toEqual(WEIGHTS);
    expect(ranges()).toEqual(['bytes=0-16383']);
  });
});

describe('a browser with a cache', () => {
  /** Node has none; what a browser's own does is tried in e2e. */
  class FakeCache {
    readonly entries = new Map<string, Uint8Array<ArrayBuffer>>();
    isFull = false;

    async match(key: string): Promise<Response | undefined> {
      const bytes = this.entries.get(key);
      return bytes && new Response(bytes);
    }

    async put(key: string, response: Response): Promise<void> {
      if (this.isFull) throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
      this.entries.set(key, new Uint8Array(await response.arrayBuffer()));
    }

    async delete(key: string): Promise<boolean> {
      return this.entries.delete(key);
    }
  }

  let cache: FakeCache;
  beforeEach(() => {
    cache = new FakeCache();
    vi.stubGlobal('caches', { open: async () => cache });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });
  const nextVisit = () => new PackStore(new EdgeHttp(edge.baseUrl, undefined));

  it('fetches nothing on the second visit, weights or graphs', async () => {
    await get();
    await store.graph(PACK.sha256);
    const second = nextVisit();
    expect(await second.has([PACK])).toBe(true);
    expect(Buffer.from(await second.get(PACK, () => {}))).toEqual(CONTENT);
    expect(Buffer.from((await second.keptGraph(PACK.sha256)) ?? [])).toEqual(CONTENT);
    expect(second.fetchedBytes).toBe(0);
    expect(edge.requests).toHaveLength(2);
  });

  it('fetches anew what lies there damaged', async () => {
    await get();
    for (const bytes of cache.entries.values()) bytes[3] = 0;
    expect(Buffer.from(await nextVisit().get(PACK, () => {}))).toEqual(CONTENT);
    expect(edge.requests).toHaveLength(2);
  });

  it('that is full is said to be so once, and memory does', async () => {
    cache.isFull = true;
    const said: string[] = [];
    store.events.on('notKept', (why) => said.push(why));
    expect(Buffer.from(await get())).toEqual(CONTENT);
    sent = Buffer.from('a graph');
    expect(Buffer.from(await store.graph(createHash('sha256').update(sent).digest('hex')))).toEqual(sent);
    expect(said).toEqual(['The quota has been exceeded.']);
    expect(await store.has([PACK])).toBe(true);
    await get();
    expect(edge.requests).toHaveLength(2);
  });
});
