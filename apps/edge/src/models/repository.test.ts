import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchmarkNetworks } from '@cutpoint/onnx';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PreparedModel, PrepareRequest } from '../prepare/prepared.js';
import type { ModelEntry } from './entry.js';
import { ModelError } from './error.js';
import { sha256Of } from './hash.js';
import { readLabels } from './labels.js';
import { ModelRepository } from './repository.js';

const REPOSITORY = new URL('../../../../models', import.meta.url).pathname;

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cutpoint-repository-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

async function put(path: string, content: string | object): Promise<string> {
  const file = join(root, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function prepared(request: PrepareRequest): PreparedModel {
  const { name: model, version, config } = request;
  return {
    manifest: {
      format: 'cutpoint.manifest.v1',
      model,
      version,
      description: config.description,
      task: { type: 'tensors' },
      packs: [],
      variants: [],
    },
    tables: new Map(),
    objectsDir: '',
    batchGraphs: new Map(),
    weights: 'own',
    notes: [],
  };
}

function repositoryOf(prepare: (request: PrepareRequest) => Promise<PreparedModel> = async (r) => prepared(r)) {
  return new ModelRepository({ dir: join(root, 'models'), storeDir: join(root, 'store'), prepare });
}

describe('the models that the project ships', () => {
  it('have valid configs, and as many labels as their networks have classes', async () => {
    const repository = new ModelRepository({
      dir: REPOSITORY,
      storeDir: root,
      prepare: async (request) => prepared(request),
    });
    const names = (await repository.scan()).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['ppocr-det', 'ppocr-rec', 'squeezenet']));
    for (const name of names) expect((await repository.config(name)).description).not.toBe('');

    const { labels, version } = await repository.locate('ppocr-rec');
    expect(labels.length).toBe(6625);
    expect([labels[0], labels[1], labels.at(-1)]).toEqual(['', "'", ' ']);
    expect(version).toBe('1');
  });

  it('have six benchmark networks, on demand and said to be untrained', async () => {
    const repository = new ModelRepository({
      dir: REPOSITORY,
      storeDir: root,
      prepare: async (request) => prepared(request),
    });
    const untrained = (await repository.scan()).filter((entry) => entry.untrained === true);
    expect(untrained.map(({ name }) => name)).toEqual(
      ['alexnet', 'resnet18', 'resnet50', 'squeezenet', 'vgg16', 'xception'].map((name) => `bench-${name}`),
    );
    for (const { name, status, description } of untrained) {
      expect(status).toBe('on-demand');
      expect(description).toContain('untrained');
      const { source, pixels, post } = await repository.config(name);
      if (!('network' in source)) throw new Error(`${name} is no network`);
      const { input, answers, build } = benchmarkNetworks[source.network];
      const [height, width] = pixels?.sizes[0] ?? [];
      expect([pixels?.input, 1, 3, height, width]).toEqual([input.name, ...input.dims]);
      const [output] = build({ fill: false }).graph?.output ?? [];
      expect(post).toMatchObject({ type: 'top-k', output: output?.name, softmax: answers === 'logits' });
    }
  });

  it('say how to get what was not fetched yet, and fetch nothing by themselves', async () => {
    const repository = new ModelRepository({
      dir: REPOSITORY,
      storeDir: root,
      prepare: async (request) => prepared(request),
    });
    await expect(repository.prepare('squeezenet')).rejects.toMatchObject({ code: 'source_not_fetched' });
    expect(repository.get('squeezenet')).toMatchObject({
      status: 'missing',
      reason: expect.stringContaining('npx cutpoint add squeezenet'),
    });
    expect(await readdir(root)).toEqual([]);
  });
});

describe('models on demand', () => {
  beforeEach(async () => {
    await put('models/now/config.json', { description: 'now', source: { file: 'net.onnx' } });
    await put('models/now/net.onnx', 'bytes');
    await put('models/later/config.json', {
      description: 'later',
      onDemand: true,
      source: { file: '../now/net.onnx' },
    });
  });

  it('are left alone until somebody wants one, and then prepared once', async () => {
    const order: string[] = [];
    const repository = repositoryOf(async (request) => {
      order.push(request.name);
      return prepared(request);
    });
    await repository.scan();
    await repository.prepareAll();
    expect(order).toEqual(['now']);
    expect(repository.get('later')).toMatchObject({ status: 'on-demand', onDemand: true });

    const settled = new Promise<ModelEntry>((done) =>
      repository.subscribe((entry) => entry.status === 'ready' && done(entry)),
    );
    repository.want('later');
    expect(repository.get('later')).toMatchObject({ status: 'preparing' });
    repository.want('later');
    repository.want('now');
    repository.want('nobody');
    expect(await settled).toMatchObject({ name: 'later', onDemand: true });
    await repository.stop();
    expect(order).toEqual(['now', 'later']);
  });

  it('are tried again after a minute when they failed, and at once when they are loaded', async () => {
    let nowMs = 0;
    const outcomes = ['full', 'full', 'full', 'good'];
    const repository = new ModelRepository({
      dir: join(root, 'models'),
      storeDir: join(root, 'store'),
      clock: () => nowMs,
      prepare: async (request) => {
        if (outcomes.shift() === 'full') throw new ModelError('store_full', 'no space left');
        return prepared(request);
      },
    });
    await repository.scan();
    const tries = async (work: () => Promise<void>) => {
      const before = outcomes.length;
      await work().catch(() => undefined);
      await vi.waitUntil(() => repository.get('later')?.status !== 'preparing');
      return before - outcomes.length;
    };
    const want = async () => await repository.want('later');
    expect(await tries(want)).toBe(1);
    expect(repository.get('later')).toMatchObject({ status: 'failed', code: 'store_full' });
    nowMs = 59_999;
    expect(await tries(want)).toBe(0);
    nowMs = 60_000;
    expect(await tries(want)).toBe(1);
    expect(await tries(want)).toBe(0);
    await expect(repository.load('later')).rejects.toMatchObject({ code: 'store_full' });
    expect(await tries(async () => await repository.load('later'))).toBe(1);
    expect(repository.get('later')).toMatchObject({ status: 'ready', onDemand: true });
  });

  it('wait for the one that is being prepared: two at once would spoil the times of both', async () => {
    let atOnce = 0;
    let most = 0;
    const repository = repositoryOf(async (request) => {
      most = Math.max(most, ++atOnce);
      await new Promise(setImmediate);
      atOnce--;
      return prepared(request);
    });
    await repository.scan();
    const all = repository.prepareAll();
    repository.want('later');
    const ready = new Promise<void>((done) =>
      repository.subscribe(({ name, status }) => name === 'later' && status === 'ready' && done()),
    );
    await Promise.all([all, ready]);
    expect(most).toBe(1);
    expect(repository.list().map(({ status }) => status)).toEqual(['ready', 'ready']);
  });

  it('are given up when the repository is stopped', async () => {
    let signal: AbortSignal | undefined;
    const repository = repositoryOf(async (request) => {
      signal = request.signal;
      await new Promise((_, failed) =>
        request.signal?.addEventListener('abort', () => failed(new ModelError('aborted', 'stopped'))),
      );
      return prepared(request);
    });
    await repository.scan();
    repository.want('later');
    await new Promise<void>((begun) => {
      const look = (): void => void (signal === undefined ? setImmediate(look) : begun());
      look();
    });
    await repository.stop();
    expect(signal?.aborted).toBe(true);
    repository.want('later');
    expect(repository.get('later')).toMatchObject({ status: 'preparing', reason: expect.stringContaining('stopped') });
  });
});

describe('a repository', () => {
  it('is empty where there is no folder', async () => {
    expect(await repositoryOf().scan()).toEqual([]);
  });

  it('serves the highest version, by number', async () => {
    await put('models/net/config.json', { description: 'd', source: { file: 'other.onnx' } });
    for (const version of ['2', '10', '9', 'x', '0']) await put(`models/net/${version}/model.onnx`, 'bytes');
    await put('models/net/11/readme.txt', 'no model here');
    const located = await repositoryOf().locate('net');
    expect(located.version).toBe('10');
    expect(located.modelFile).toBe(join(root, 'models/net/10/model.onnx'));
  });

  it('checks a pinned hash of a local file too', async () => {
    await put('models/net/net.onnx', 'bytes');
    await put('models/net/config.json', { description: 'd', source: { file: 'net.onnx', sha256: sha256Of('bytes') } });
    expect((await repositoryOf().locate('net')).modelFile).toBe(join(root, 'models/net/net.onnx'));
    await put('models/net/net.onnx', 'other bytes');
    await expect(repositoryOf().locate('net')).rejects.toMatchObject({ code: 'wrong_hash' });
  });

  it('checks what was downloaded again: its name only says what it was', async () => {
    const sha256 = sha256Of('bytes');
    await put('models/net/config.json', { description: 'd', source: { https: 'https://a.example/net.onnx', sha256 } });
    await put(`downloads/${sha256}`, 'bytes');
    const repository = new ModelRepository({
      dir: join(root, 'models'),
      storeDir: root,
      prepare: async (request) => prepared(request),
    });
    expect((await repository.locate('net')).modelFile).toBe(join(root, 'downloads', sha256));
    await put(`downloads/${sha256}`, 'tampered with');
    await expect(repository.locate('net')).rejects.toMatchObject({
      code: 'wrong_hash',
      message: expect.stringContaining('npx cutpoint add net'),
    });
  });

  it('describes its models before their turn comes', async () => {
    await put('models/net/config.json', { description: 'what it does', source: { file: 'net.onnx' } });
    await put('models/net/3/model.onnx', 'bytes');
    await put('models/broken/config.json', '{"description": ');
    expect(await repositoryOf().scan()).toMatchObject([
      { name: 'broken', description: '', status: 'preparing' },
      { name: 'net', description: 'what it does', version: '3', status: 'preparing' },
    ]);
  });

  it('goes on when a model fails, and says of each what is the matter', async () => {
    await put('models/broken/config.json', '{"description": ');
    await put('models/gone/config.json', { description: 'gone', source: { file: 'gone.onnx' } });
    await put('models/good/config.json', { description: 'good', source: { file: 'good.onnx' } });
    await put('models/good/good.onnx', 'bytes');
    await put('models/refused/config.json', { description: 'refused', source: { file: '../good/good.onnx' } });
    await put('models/not a name/config.json', {});
    const repository = repositoryOf(async (request) => {
      if (request.name === 'refused') throw new ModelError('not_a_model', 'refused: not ONNX');
      request.onProgress?.({ stage: 'cutting', done: 1, total: 2 });
      return prepared(request);
    });
    const seen: ModelEntry[] = [];
    const unsubscribe = repository.subscribe((change) => change.status !== 'removed' && seen.push(change));
    await repository.scan();
    await repository.prepareAll();
    unsubscribe();
    expect(repository.list().map(({ name, status, code }) => [name, status, code])).toEqual([
      ['broken', 'failed', 'bad_config'],
      ['gone', 'missing', 'source_missing'],
      ['good', 'ready', undefined],
      ['refused', 'failed', 'not_a_model'],
    ]);
    expect(repository.get('broken')?.reason).toContain('models/broken/config.json is not JSON');
    expect(repository.get('good')?.prepared?.manifest.model).toBe('good');
    expect(seen).toContainEqual(
      expect.objectContaining({ name: 'good', progress: { stage: 'cutting', done: 1, total: 2 } }),
    );
  });

  it('does not call a model failed whose preparing was stopped', async () => {
    await put('models/a/config.json', { description: 'a', source: { file: 'a.onnx' } });
    await put('models/a/a.onnx', 'bytes');
    const stop = new AbortController();
    const repository = repositoryOf(async () => {
      stop.abort();
      throw new ModelError('aborted', 'stopped');
    });
    await repository.scan();
    await expect(repository.prepareAll(stop.signal)).rejects.toThrow();
    expect(repository.get('a')).toMatchObject({ status: 'preparing' });
  });

  it('finds models that came later, and leaves ready ones alone', async () => {
    await put('models/a/config.json', { description: 'a', source: { file: 'a.onnx' } });
    await put('models/a/a.onnx', 'bytes');
    let count = 0;
    const repository = repositoryOf(async (request) => {
      count++;
      return prepared(request);
    });
    await repository.scan();
    await repository.prepareAll();
    await put('models/b/config.json', { description: 'b', source: { file: '../a/a.onnx' } });
    await repository.scan();
    await repository.prepareAll();
    expect(count).toBe(2);
    expect(repository.list().map(({ status }) => status)).toEqual(['ready', 'ready']);
  });

  it('names the models that there are when asked for another', async () => {
    await put('models/a/config.json', { description: 'a', source: { file: 'a.onnx' } });
    await expect(repositoryOf().config('b')).rejects.toThrow(/there is no model "b" .*there are: a/);
    await expect(repositoryOf().config('../a')).rejects.toMatchObject({ code: 'bad_name' });
  });
});

describe('a config', () => {
  const good = { description: 'd', source: { file: 'a.onnx' } };
  const pixels = { input: 'x', channels: 'rgb', mean: [0, 0, 0], std: [1, 1, 1], sizes: [[8, 8]], fit: 'cover' };
  const cases: readonly [string, object, RegExp][] = [
    ['an unknown key', { ...good, sizes: 1 }, /config\.json: sizes is/],
    ['a wrong source', { ...good, source: { https: 'https://a.example/b' } }, /source is .*"https", "sha256"/],
    ['a network that nobody built', { ...good, source: { network: 'resnet19' } }, /source.*"resnet19".*resnet18/],
    ['a network with more', { ...good, source: { network: 'resnet18', file: 'a' } }, /source/],
    ['labels that are a network', { ...good, labels: { source: { network: 'vgg16' } } }, /labels\.source/],
    ['an address that is not https', { ...good, source: { https: 'http://a', sha256: '0'.repeat(64) } }, /source/],
    ['a size of nothing', { ...good, pixels: { ...pixels, sizes: [[0, 8]] } }, /pixels\.sizes\.0\.0 is 0/],
    ['an unknown channel order', { ...good, pixels: { ...pixels, channels: 'grb' } }, /pixels\.channels is "grb"/],
    ['a post without pixels', { ...good, post: { type: 'ctc-greedy', output: 'y' } }, /post needs pixels/],
  ];
  it.each(cases)('with %s is refused with file, key and value', async (_, config, message) => {
    await put('models/a/config.json', config);
    const failure = repositoryOf().config('a');
    await expect(failure).rejects.toMatchObject({ code: 'bad_config' });
    await expect(failure).rejects.toThrow(message);
  });
});

describe('labels', () => {
  it('keep spaces that mean something and lose ids that do not', async () => {
    const file = await put('labels.txt', 'n01 tench, Tinca tinca\r\nn02 goldfish\n');
    const config = { source: { file }, skipWords: 1, before: ['-'], after: [' '] };
    expect(await readLabels(file, config)).toEqual(['-', 'tench, Tinca tinca', 'goldfish', ' ']);
    const blank = await put('blank.txt', 'a\n　\nb');
    expect(await readLabels(blank, { source: { file }, skipWords: 0, before: [], after: [] })).toEqual([
      'a',
      '　',
      'b',
    ]);
  });
});
