import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseDims, parseSource } from './added-source.js';
import { parseNpmSpec, resolveNpmFile } from './npm-source.js';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cutpoint-npm-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

describe('a package source', () => {
  it('is found in node_modules of this or a higher folder when the version is the same', async () => {
    const folder = join(root, 'node_modules/@scope/net');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'package.json'), '{"name": "@scope/net", "version": "1.2.3"}');
    const options = { from: [join(root, 'models/net')], storeDir: join(root, 'store') };
    expect(await resolveNpmFile('@scope/net@1.2.3', 'a/net.onnx', options)).toBe(join(folder, 'a/net.onnx'));
    await expect(resolveNpmFile('@scope/net@1.2.3', '../../x', options)).rejects.toThrow('leads out of the package');
  });

  it('is installed into the store otherwise', async () => {
    // The smallest of packages; its version differs from any that the project itself depends on.
    const options = { from: [root], storeDir: join(root, 'store') };
    const file = await resolveNpmFile('isarray@1.0.0', 'index.js', options);
    expect(file).toBe(join(root, 'store/npm/isarray@1.0.0/node_modules/isarray/index.js'));
    expect(await resolveNpmFile('isarray@1.0.0', 'index.js', options)).toBe(file);
  });

  it('is given up when npm is not done in time, or is not there at all', async () => {
    const hanging = join(root, 'npm-cli.js');
    await writeFile(hanging, 'console.log("asking the registry"); setInterval(() => {}, 1000);');
    vi.stubEnv('npm_execpath', hanging);
    const options = { from: [root], storeDir: join(root, 'store') };
    await expect(resolveNpmFile('isarray@1.0.0', 'index.js', { ...options, timeoutMs: 500 })).rejects.toMatchObject({
      code: 'npm_failed',
      message: expect.stringMatching(/not done after 0\.5 s.*asking the registry/),
    });
    vi.stubEnv('npm_execpath', '');
    vi.stubEnv('PATH', root);
    await expect(resolveNpmFile('isarray@1.0.0', 'index.js', options)).rejects.toMatchObject({
      code: 'npm_failed',
      message: expect.stringContaining('is npm installed'),
    });
  });

  it('says what npm said when there is no such version', async () => {
    const options = { from: [root], storeDir: join(root, 'store') };
    await expect(resolveNpmFile('isarray@99.0.0', 'index.js', options)).rejects.toMatchObject({
      code: 'npm_failed',
      message: expect.stringContaining('isarray@99.0.0'),
    });
  });

  it('names one exact version', () => {
    expect(parseNpmSpec('@a/b@1.2.3-rc.1')).toEqual({ name: '@a/b', version: '1.2.3-rc.1' });
    for (const spec of ['a', 'a@latest', 'a@^1.0.0', '../a@1.0.0', '@a@1.0.0', 'a@1.0.0 --prefix /', '-g@1.0.0'])
      expect(() => parseNpmSpec(spec), spec).toThrow(expect.objectContaining({ code: 'bad_config' }));
  });
});

describe('what a person types behind the name', () => {
  it('is a package, an address or a file', () => {
    expect(parseSource('npm:@a/b@1.2.3/c/d.onnx', undefined, '/w')).toEqual({ npm: '@a/b@1.2.3', path: 'c/d.onnx' });
    expect(parseSource('npm:b@1.2.3/d.onnx', undefined, '/w')).toEqual({ npm: 'b@1.2.3', path: 'd.onnx' });
    expect(parseSource('https://a.example/b', 'a'.repeat(64), '/w')).toEqual({
      https: 'https://a.example/b',
      sha256: 'a'.repeat(64),
    });
    expect(parseSource('nets/a.onnx', undefined, '/w')).toEqual({ file: '/w/nets/a.onnx' });
    for (const text of ['http://a.example/b', 'ftp://a/b', 'npm:a', 'npm:a@1.0.0', 'npm:a@latest/b'])
      expect(() => parseSource(text, undefined, '/w'), text).toThrow();
    expect(() => parseSource('a.onnx', 'short', '/w')).toThrow(expect.objectContaining({ code: 'bad_arguments' }));
  });

  it('starts the next size when an input comes again', () => {
    expect(parseDims(['a=1,2', 'b=3', 'a=4,5', 'b=6'])).toEqual([
      { a: [1, 2], b: [3] },
      { a: [4, 5], b: [6] },
    ]);
    expect(parseDims(['model:x=1'])).toEqual([{ 'model:x': [1] }]);
    for (const text of ['x', 'x=', 'x=1,,2', 'x=-1', 'x=a', '=1']) expect(() => parseDims([text]), text).toThrow();
  });
});
