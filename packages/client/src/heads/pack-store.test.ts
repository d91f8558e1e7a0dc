import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EdgeHttp } from '../http.js';
import { HttpEdge } from '../testing/http-edge.js';
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
