import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { outlierOnnx } from '../apps/edge/dist/testing/outlier-onnx.js';
import { TEST_CERTIFICATE, TEST_KEY } from '../apps/edge/dist/testing/tls.js';
import { ignoredBy } from './lib/container/context.mjs';
import { all, copied, environmentOf, parseDockerfile } from './lib/container/dockerfile.mjs';
import { contentOf, isRoot, layOut, makeReadOnly, workdirOf } from './lib/container/layout.mjs';
import { composeFaults, imageFaults } from './lib/container/rules.mjs';
import { root, vite } from './lib/run.mjs';

const read = (file) => readFileSync(join(root, file), 'utf8');
const dockerfile = read('Dockerfile');
const stages = parseDockerfile(dockerfile);
const final = stages.at(-1);
const compose = parseYaml(read('compose.yaml'));
const isIgnored = ignoredBy(read('.dockerignore'));
const inRepository = String(execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root })).split('\n');

describe('the Dockerfile', () => {
  test('makes an image as it should be', () => expect(imageFaults(stages)).toEqual([]));

  test.each([
    [/node:20-bookworm-slim/, 'node:latest', 'no slim image of Node 20'],
    [/ --omit=dev/, '', 'not those of production'],
    [/RUN npm run build/, 'RUN npm run pack', 'does not install and build'],
    [/FROM base\n#/, 'FROM build\n#', 'no stage of its own'],
    [/(--from=)dependencies/, '$1build', 'more than production needs'],
    [/USER 1000:1000/, 'USER root', 'the user is root'],
    [/\[("node", "apps\/edge\/bin\/cutpoint.js")\]/, 'node cutpoint.js', 'ENTRYPOINT is not node'],
    [/\["node", "apps\/edge\/bin\/health.js"\]/, 'curl -f localhost', 'HEALTHCHECK is not node'],
    [/CMD \["serve"\]/, 'CMD serve', 'run by a shell'],
    [/SIGTERM/, 'SIGKILL', 'another signal'],
    [/0\.0\.0\.0/, '127.0.0.1', 'nobody reaches it'],
    [/NODE_ENV=production/, 'CUTPOINT_SERVE_INSECURE=true', 'no matter of the image'],
    [/$/, 'RUN chmod 777 models\n', 'done as another user'],
  ])('with %s as %j is seen', (part, other, fault) => {
    const changed = dockerfile.replace(part, other);
    expect(changed).not.toBe(dockerfile);
    expect(imageFaults(parseDockerfile(changed))).toEqual([expect.stringContaining(fault)]);
  });

  test.each([
    ['RUN true', 'no FROM before it'],
    ['FROM a\nADD x y', 'not an instruction that is allowed'],
    ['FROM a\nrun true', 'not an instruction that is allowed'],
    ['FROM a\nRUN <<EOF\ntrue\nEOF', 'here-document'],
    ['FROM a\nRUN true && \\\n\n true', 'an empty line'],
    ['FROM a\nRUN true && \\', 'nothing continues'],
    ["FROM a\nCMD ['serve']", 'JSON'],
    ['FROM a as b', 'FROM a as b'],
  ])('%j is refused', (text, said) => expect(() => parseDockerfile(text)).toThrow(said));

  test('is read as Docker does: flags, continued lines and comments within them', () => {
    const [stage] = parseDockerfile('FROM a AS b\nCOPY --from=c --chown=1:1 x \\\n  # y\n  z ./\nCMD ["d e"]\n');
    expect(stage).toMatchObject({ name: 'b', from: 'a' });
    expect(stage.instructions).toMatchObject([
      { name: 'COPY', flags: { from: 'c', chown: '1:1' }, args: ['x', 'z', './'] },
      { name: 'CMD', isExec: true, args: ['d e'] },
    ]);
  });

  test('copies out of the checkout only what is in the repository and not ignored', () => {
    const ofContext = stages.flatMap((stage) => all(stage, 'COPY')).filter(({ flags }) => flags.from === undefined);
    const sources = ofContext.flatMap((copy) => copied(copy).sources).filter((path) => path !== '.');
    expect(sources.length).toBeGreaterThan(10);
    const isThere = (path) => inRepository.some((file) => file === path || file.startsWith(`${path}/`));
    expect(sources.filter((path) => !isThere(path) || isIgnored(path))).toEqual([]);
  });

  test('gives npm the manifest of every workspace before it installs', () => {
    const { packages } = JSON.parse(read('package-lock.json'));
    const wanted = Object.keys(packages).filter((path) => !path.includes('node_modules/') && path !== '');
    const manifests = stages.find(({ name }) => name === 'manifests');
    const given = all(manifests, 'COPY').map(({ args }) => args.at(-1).replace(/\/$/, ''));
    expect(given.slice(1).sort()).toEqual(wanted.sort());
  });

  test('exposes the port and keeps the store and the models where the edge has them by default', () => {
    const help = String(execFileSync(process.execPath, [join(root, 'apps/edge/bin/cutpoint.js'), 'serve', '--help']));
    const folder = workdirOf(stages);
    const defaultOf = (flag) => new RegExp(`--${flag} .*?\\(([^)]+)\\)`).exec(help)?.[1];
    expect(all(final, 'EXPOSE').map(({ text }) => text)).toEqual([defaultOf('port')]);
    expect(all(final, 'VOLUME')[0].args).toEqual(['models', 'store'].map((flag) => `${folder}/${defaultOf(flag)}`));
    expect(`${folder}/dist`, 'the page').toBe(`${folder}/${defaultOf('page')}`);
  });
});

test.each([
  ['.git/config', true],
  ['secrets/tokens', true],
  ['.env', true],
  ['node_modules/vite/package.json', true],
  ['apps/edge/dist/cli/main.js', true],
  ['models/mine/1/model.onnx', true],
  ['apps/edge/src/cli/main.ts', false],
  ['models/squeezenet/config.json', false],
  ['docs/architecture.md', true],
  // The page is built with its samples.
  ['docs/embedding.md', false],
])('.dockerignore: %s is left out: %s', (path, isLeftOut) => expect(isIgnored(path)).toBe(isLeftOut));

describe('compose.yaml', () => {
  test('runs the image as it should be run', () => expect(composeFaults(compose, final)).toEqual([]));

  test.each([
    ['read_only', undefined, 'root file system'],
    ['tmpfs', ['/var/tmp'], 'no tmpfs'],
    ['cap_drop', ['NET_RAW'], 'capabilities'],
    ['cap_add', ['SYS_ADMIN'], 'capabilities'],
    ['security_opt', [], 'privileges'],
    ['user', 'root', 'somebody else'],
    ['volumes', ['models:/app/models'], '/app/.cutpoint is no volume'],
    ['ports', ['8080:80'], 'another port'],
    ['environment', { CUTPOINT_SERVE_TOKEN: 'secret' }, 'no secret'],
    ['secrets', [], 'no secret'],
    ['stop_grace_period', '2s', 'drains'],
    ['healthcheck', { test: ['CMD', 'curl', 'localhost'] }, 'health check'],
  ])('with another %s: %j, is seen', (key, value, fault) => {
    const edge = { ...compose.services.edge, [key]: value };
    expect(composeFaults({ ...compose, services: { edge } }, final)).toEqual([expect.stringContaining(fault)]);
  });
});

describe('what the image holds', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cutpoint-container-'));
  const [uid, gid] = all(final, 'USER')[0].text.split(':').map(Number);
  const owner = `${uid}:${gid}`;
  const command = [...all(final, 'ENTRYPOINT')[0].args, ...all(final, 'CMD')[0].args];
  const probe = all(final, 'HEALTHCHECK')[0].args;
  const TOKEN = 'the-token-of-the-container';
  const [tokens, certificate, key] = ['tokens', 'cert.pem', 'key.pem'].map((name) => join(folder, name));
  const [home, temporary] = ['home', 'tmp'].map((name) => join(folder, name));
  /** Another user may be nobody who reaches this Node. */
  const asUser =
    isRoot && spawnSync(process.execPath, ['-e', ''], { uid, gid, cwd: '/' }).status === 0 ? { uid, gid } : {};
  let app;
  let written;
  let environment;

  beforeAll(async () => {
    const page = join(folder, 'page');
    execFileSync(process.execPath, [vite, 'build', '--outDir', page, '--logLevel', 'error'], { cwd: root });
    execFileSync('chmod', ['755', folder]);
    for (const path of [home, temporary]) mkdirSync(path);
    writeFileSync(tokens, TOKEN);
    writeFileSync(certificate, TEST_CERTIFICATE);
    writeFileSync(key, TEST_KEY);
    app = layOut({ stages, root, page }, folder);
    const volumes = all(final, 'VOLUME')[0].args.map((path) => join(folder, path));
    written = [...volumes, temporary];
    const [models, store] = volumes;
    seedModels(models);
    // Volumes begin with the owner that the image's folders have.
    if (isRoot) execFileSync('chown', [owner, temporary]);
    else mkdirSync(store);
    if (asUser.uid === undefined) {
      console.warn(`not root: files of packages stay writable to the edge, and it runs as this user, not as ${owner}`);
      makeReadOnly(folder, written);
    }
    environment = {
      PATH: process.env.PATH,
      HOME: home,
      TMPDIR: temporary,
      ...environmentOf(final),
      CUTPOINT_SERVE_PORT: String(await freePort()),
    };
  });
  afterAll(() => {
    execFileSync('chmod', ['-R', 'u+w', folder]);
    rmSync(folder, { recursive: true });
  });

  /** The volume as somebody uses it: one network of his own, small, instead of those that the image brings. */
  function seedModels(models) {
    for (const name of readdirSync(models)) rmSync(join(models, name), { recursive: true });
    const mine = join(models, 'mine');
    mkdirSync(mine, { recursive: true });
    for (const [file, bytes] of Object.entries(outlierOnnx({ dims: [1, 3, 16, 16], hasOutlier: false })))
      writeFileSync(join(mine, file), bytes);
    const pixels = {
      input: 'x',
      channels: 'rgb',
      mean: [0, 0, 0],
      std: [255, 255, 255],
      sizes: [[16, 16]],
      fit: 'cover',
    };
    const post = { type: 'top-k', output: 'y', k: 3, softmax: false };
    const config = { description: 'mine', source: { file: 'model.onnx' }, pixels, post };
    writeFileSync(join(mine, 'config.json'), JSON.stringify(config));
  }

  const run = ([, ...args], env) => {
    const child = spawn(process.execPath, args, { cwd: app, env: { ...environment, ...env }, ...asUser });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
    return { child, said: () => said, ended: once(child, 'close').then(([code, signal]) => code ?? signal) };
  };

  test('starts for nobody without a token', async () => {
    const edge = run(command, {});
    expect(await edge.ended, edge.said()).toBe(2);
    expect(edge.said()).toContain('host is "0.0.0.0"');
  });

  test('cannot be written to, by the user that it runs as, but where there are volumes', async () => {
    const write = (path) => ['node', '-e', `require('node:fs').writeFileSync(${JSON.stringify(join(path, 'x'))}, '')`];
    const outside = [app, home, join(app, 'apps/edge/dist'), join(app, 'node_modules')];
    for (const path of outside) expect(await run(write(path), {}).ended, path).toBe(1);
    for (const path of written) expect(await run(write(path), {}).ended, path).toBe(0);
  });

  test('is no program that builds', () => {
    const installed = readdirSync(join(app, 'node_modules'));
    expect(installed).toContain('fastify');
    expect(installed.filter((name) => /^(typescript|vite|vitest|rolldown|@playwright|@biomejs)$/.test(name))).toEqual(
      [],
    );
    const library = join('node_modules/onnxruntime-node/bin/napi-v6', process.platform, process.arch);
    // The image is for Linux; elsewhere its commands leave nothing of onnxruntime.
    if (process.platform === 'linux') expect(existsSync(join(app, library))).toBe(true);
    expect(existsSync(join(app, 'node_modules/onnxruntime-node/bin/napi-v6/win32/x64'))).toBe(false);
    expect(existsSync(join(root, 'node_modules/onnxruntime-node/bin/napi-v6/win32/x64')), 'of the checkout').toBe(true);
  });

  test('has the files of the packages that its own models come from', () => {
    const models = readdirSync(join(root, 'models')).map((name) => JSON.parse(read(`models/${name}/config.json`)));
    const sources = models.flatMap(({ source, labels }) => [source, labels?.source]).filter((source) => source?.npm);
    expect(sources.length).toBeGreaterThan(1);
    for (const { npm, path } of sources)
      expect(existsSync(join(app, 'node_modules', npm.replace(/@[\d.]+$/, ''), path)), path).toBe(true);
  });

  test('serves with a token from a file, writes only into its volumes and /tmp, and ends with 0 when it is told to', async () => {
    const before = contentOf(folder, written);
    const edge = run(command, { CUTPOINT_SERVE_TOKEN_FILE: tokens });
    const url = `http://127.0.0.1:${environment.CUTPOINT_SERVE_PORT}`;
    try {
      const early = run(probe, {});
      expect(await early.ended, 'not ready at once').toBe(1);
      await expect.poll(() => run(probe, {}).ended, { timeout: 15_000, interval: 200 }).toBe(0);
      expect((await fetch(`${url}/v1/models`)).status).toBe(401);
      const get = (path) => fetch(`${url}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
      const manifest = await (await get('/v1/models/mine/manifest')).json();
      const table = await (await get(`/v1/tables/${manifest.variants[0].table}`)).json();
      expect(table.calibration?.inputs, 'the samples are there').toBe('pictures');
      expect(await (await fetch(`${url}/`)).text()).toContain('<title>Cutpoint');
      expect((await fetch(`${url}/docs`)).status).toBe(200);
      edge.child.kill(all(final, 'STOPSIGNAL')[0].text);
      expect(await edge.ended, edge.said()).toBe(0);
    } catch (error) {
      throw new Error(edge.said(), { cause: error });
    } finally {
      edge.child.kill('SIGKILL');
    }
    expect(contentOf(folder, written)).toEqual(before);
    expect(await run(probe, {}).ended, 'gone').toBe(1);
  });

  test('is asked by https whether it is ready where it has a certificate', async () => {
    const tls = { CUTPOINT_SERVE_TLS_CERT: certificate };
    const edge = run(command, { CUTPOINT_SERVE_TOKEN_FILE: tokens, CUTPOINT_SERVE_TLS_KEY: key, ...tls });
    try {
      await expect.poll(() => run(probe, tls).ended, { timeout: 15_000, interval: 200 }).toBe(0);
      expect(await run(probe, {}).ended, 'by http').toBe(1);
    } finally {
      edge.child.kill('SIGTERM');
    }
    expect(await edge.ended, edge.said()).toBe(0);
  });
});

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}
