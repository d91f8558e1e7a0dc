import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as client from '@cutpoint/client';
import { parseSync } from 'vite';
import { afterAll, expect, test } from 'vitest';
import { fill } from '../apps/demo/dist/embed/fill.js';
import { documents, samplesOf, textOf } from './lib/docs/markdown.mjs';
import { embedSamples } from './lib/embed-samples.mjs';
import { root, tsc } from './lib/run.mjs';

// Those in docs/api are examples of comments in the sources, and stand in the middle of something.
const samples = documents()
  .filter((file) => !file.startsWith('docs/api/'))
  .flatMap((file) => samplesOf(textOf(file)).map((sample, n) => ({ ...sample, file, n })));
const of = (...languages) => samples.filter(({ language }) => languages.includes(language));

// Inside the project, so that the packages are found; ignored by git.
mkdirSync(join(root, '.cutpoint'), { recursive: true });
const ground = mkdtempSync(join(root, '.cutpoint', 'samples-'));
afterAll(() => rmSync(ground, { recursive: true, force: true }));

/** What tsc says of sources, by their names. */
async function compile(sources) {
  for (const [name, source] of Object.entries(sources)) writeFileSync(join(ground, name), source);
  writeFileSync(join(ground, 'package.json'), '{ "type": "module" }');
  const lib = ['es2023', 'esnext.disposable', 'dom', 'dom.iterable', 'dom.asynciterable'];
  const settings = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: 'es2023',
    types: [],
    jsx: 'react-jsx',
    lib,
  };
  const compilerOptions = { ...settings, module: 'esnext', moduleResolution: 'bundler', moduleDetection: 'force' };
  writeFileSync(join(ground, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: Object.keys(sources) }));
  const said = await promisify(execFile)(process.execPath, [join(root, tsc), '-p', ground]).catch((error) => error);
  return said.stdout;
}

test('every sample in TypeScript compiles against the packages', async () => {
  const found = of('ts', 'tsx');
  expect(found.length).toBeGreaterThan(5);
  const named = found.map(({ file, n, language, source, given }) => [
    `${file.replace(/\W+/g, '-')}-${n}.${language}`,
    `${given}\n${source}\n`,
  ]);
  expect(await compile(Object.fromEntries(named))).toBe('');
});

test('what the page shows of them compiles for every kind of network, and names its edge and model', async () => {
  const sources = {};
  for (const task of ['text-recognition', 'classification', 'text-detection', 'tensors']) {
    const target = { edge: 'http://127.0.0.1:8080', model: 'mine', task };
    for (const { title, install, source } of embedSamples()) {
      const filled = fill(source, target);
      expect(install).toContain('npm install ./cutpoint-');
      expect(filled).toContain(target.edge);
      expect(filled).toContain("'mine'");
      expect(filled).not.toMatch(/edge\.example|ppocr/);
      expect(filled.includes('decodeText')).toBe(task === 'text-recognition');
      if (title === 'Vite') sources[`vite-${task}.ts`] = filled;
      if (title === 'React') sources[`react-${task}.tsx`] = filled;
      if (title === 'Plain HTML') {
        const script = /<script type="module">([\s\S]*?)<\/script>/.exec(filled)?.[1] ?? '';
        expect(parseSync('page.js', script).errors).toEqual([]);
      }
    }
  }
  expect(Object.keys(sources)).toHaveLength(8);
  expect(await compile(sources)).toBe('');
});

test('a sample that uses what is not there is seen', async () => {
  const said = await compile({
    'wrong.ts': "import { connect } from '@cutpoint/client';\nconnect('/', { modle: 'm' });",
  });
  expect(said).toContain('modle');
});

test('every page in HTML imports what there is, by an import map that can be read', () => {
  const found = of('html');
  expect(found.length).toBeGreaterThan(1);
  for (const { file, source } of found) {
    for (const [, attributes, script] of source.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)) {
      if (attributes.includes('importmap')) JSON.parse(script);
      if (!attributes.includes('"module"')) continue;
      const { module, errors } = parseSync('sample.js', script);
      expect(errors, file).toEqual([]);
      const ours = module.staticImports.filter(({ moduleRequest }) => moduleRequest.value === '@cutpoint/client');
      for (const { entries } of ours) {
        for (const { importName } of entries) expect(Object.keys(client), file).toContain(importName.name);
      }
    }
  }
});

test('every sample for a shell can be read by one, and names commands that there are', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const known = ['install', 'start', 'test', 'ci'];
  const found = of('sh');
  expect(found.length).toBeGreaterThan(3);
  for (const { file, source } of found) {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: source, encoding: 'utf8' });
    expect({ file, status, stderr }).toEqual({ file, status: 0, stderr: '' });
    for (const [, name] of source.matchAll(/\bnpm run ([\w:-]+)/g)) expect(Object.keys(scripts), file).toContain(name);
    for (const [, name] of source.matchAll(/\bnpm (?!run\b)([a-z]+)/g)) expect(known, file).toContain(name);
    for (const [, name, rest] of source.matchAll(/\bcutpoint (\w+)(.*)/g)) {
      const help = helpOf(name);
      const [own = ''] = rest.split(' #');
      for (const [flag] of own.matchAll(/--[a-z][a-z0-9-]*/g))
        expect(help, `${file}: cutpoint ${name}`).toContain(flag);
    }
  }
});

test('every sample in JSON can be read', () => {
  for (const { file, source } of of('json')) expect(() => JSON.parse(source), file).not.toThrow();
});

function helpOf(command) {
  const args = [join(root, 'apps/edge/bin/cutpoint.js'), command, '--help'];
  return execFileSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  });
}
