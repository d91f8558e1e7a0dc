import type { RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { fetchBytes, STALL_TIMEOUT_MS } from './heads/fetch-bytes.js';
import { DOCUMENT_TIMEOUT_MS, EdgeHttp, edgeErrorOf, refusal } from './http.js';
import { HttpEdge } from './testing/http-edge.js';
import { ManualClock } from './testing/manual-clock.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(answer: RequestListener, token?: string) {
  const edge = await HttpEdge.listen(answer);
  cleanups.push(() => edge.close());
  const clock = new ManualClock();
  return { edge, clock, http: new EdgeHttp(edge.baseUrl, token, clock) };
}

describe('documents', () => {
  it('come with their status, whatever it is, under the path of the edge', async () => {
    const { edge, http } = await open((_request, response) => response.writeHead(503).end('{"code":"full"}'));
    expect(await http.json('v1/models', undefined)).toEqual({ status: 503, body: { code: 'full' } });
    expect(edge.requests[0]?.url).toBe('/v1/models');
    expect(edge.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('carry the token', async () => {
    const { edge, http } = await open((_request, response) => response.end('{}'), 'secret');
    await http.json('v1/models', undefined);
    expect(edge.requests[0]?.headers.authorization).toBe('Bearer secret');
  });

  it('are nothing when something between answers in HTML', async () => {
    const { http } = await open((_request, response) => response.writeHead(502).end('<h1>Bad gateway</h1>'));
    expect(await http.json('v1/models', undefined)).toEqual({ status: 502, body: undefined });
  });

  it.each(['before the answer', 'in the middle of it'])('that stop %s are given up', async (when) => {
    const { edge, clock, http } = await open((_request, response) => {
      if (when !== 'before the answer') response.write('{');
    });
    const caught = expect(http.json('v1/models', undefined)).rejects.toMatchObject({
      code: 'edge_unreachable',
      message: /v1\/models: nothing came within 15 s/,
    });
    while (edge.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.advance(DOCUMENT_TIMEOUT_MS);
    await caught;
    expect(clock.nextInMs).toBeUndefined();
  });

  it('are unreachable where nobody listens', async () => {
    const http = new EdgeHttp(new URL('http://127.0.0.1:9/'), undefined);
    await expect(http.json('v1/models', undefined)).rejects.toMatchObject({
      code: 'edge_unreachable',
      message: /127\.0\.0\.1:9\/v1\/models/,
    });
  });

  it('are aborted by the caller', async () => {
    const { http } = await open(() => {});
    const abort = new AbortController();
    const caught = expect(http.json('v1/models', abort.signal)).rejects.toMatchObject({ code: 'aborted' });
    abort.abort();
    await caught;
  });
});

describe('blocks of bytes', () => {
  it('come whole, and tell each step', async () => {
    const { http } = await open(async (_request, response) => {
      response.write(Buffer.from([1, 2]));
      await new Promise((resolve) => setTimeout(resolve, 20));
      response.end(Buffer.from([3]));
    });
    const steps: number[] = [];
    const bytes = await fetchBytes(http, 'v1/packs/a', undefined, (numBytes) => steps.push(numBytes));
    expect([...bytes]).toEqual([1, 2, 3]);
    expect(steps.reduce((a, b) => a + b)).toBe(3);
  });

  it('are given up only when they stand still', async () => {
    let send = () => {};
    const { clock, http } = await open((_request, response) => {
      send = () => response.write(Buffer.from([1]));
      send();
    });
    let steps = 0;
    let step = () => {};
    const stepped = () =>
      new Promise<void>((resolve) => {
        step = resolve;
      });
    const first = stepped();
    const caught = expect(
      fetchBytes(http, 'v1/packs/a', undefined, () => {
        steps += 1;
        step();
      }),
    ).rejects.toMatchObject({ code: 'edge_unreachable', message: /nothing came within 20 s/ });
    await first;
    clock.advance(STALL_TIMEOUT_MS - 1);
    const second = stepped();
    send();
    await second;
    clock.advance(STALL_TIMEOUT_MS - 1);
    expect(steps).toBe(2);
    clock.advance(1);
    await caught;
  });

  it('that break off are unreachable', async () => {
    const { http } = await open((_request, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    });
    await expect(fetchBytes(http, 'v1/packs/a', undefined)).rejects.toMatchObject({ code: 'edge_unreachable' });
  });

  it('are aborted by the caller in the middle', async () => {
    const { http } = await open((_request, response) => response.write('half'));
    const abort = new AbortController();
    const caught = expect(fetchBytes(http, 'v1/packs/a', abort.signal, () => abort.abort())).rejects;
    await caught.toMatchObject({ code: 'aborted' });
  });

  it('that are refused say so in the words of the edge', async () => {
    const { http } = await open((_request, response) =>
      response.writeHead(404).end('{"code":"unknown_object","message":"no such pack"}'),
    );
    await expect(fetchBytes(http, 'v1/packs/a', undefined)).rejects.toMatchObject({
      code: 'edge_error',
      edgeCode: 'unknown_object',
      message: 'no such pack',
    });
  });
});

describe('a refusal', () => {
  it('of a token says what to do', () => {
    expect(refusal(401, undefined, 'v1/models')).toMatchObject({ code: 'unauthorised', message: /`token`/ });
  });

  it('has our code where there is one, and its status where there is no other word', () => {
    expect(refusal(503, { code: 'model_not_ready', message: 'soon' }, 'x').code).toBe('model_not_ready');
    expect(refusal(500, undefined, 'v1/load')).toMatchObject({ code: 'edge_error', message: /500 to v1\/load/ });
  });

  it('is found wherever it stands in the body', () => {
    expect(edgeErrorOf({ error: { code: 'a', message: 'b' } })).toEqual({ code: 'a', message: 'b' });
    expect(edgeErrorOf({ code: 'a' })).toEqual({ code: 'a', message: 'a' });
    expect([null, 'a', {}, { error: null }, { code: 5 }].map(edgeErrorOf)).toEqual(Array(5).fill(undefined));
  });
});

describe('with the link taken away', () => {
  it('what is under way breaks off and nothing is asked for, until it is given back', async () => {
    const { edge, http } = await open((request, response) => {
      response.write('{');
      if (request.url !== '/stops') response.end('}');
    });
    const under = http.json('stops', undefined);
    while (edge.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    http.setOffline(true);
    await expect(under).rejects.toMatchObject({ code: 'edge_unreachable' });
    await expect(fetchBytes(http, 'pack', undefined)).rejects.toMatchObject({ code: 'edge_unreachable' });
    expect(edge.requests).toHaveLength(1);
    http.setOffline(false);
    expect(await http.json('v1/models', undefined)).toEqual({ status: 200, body: {} });
  });
});
