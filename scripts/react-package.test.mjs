import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packClient, packReact } from './lib/package/pack.mjs';
import { gzipped } from './lib/package/size.mjs';
import { areTheTypesWrong, compile, namesOf, publint, strangersFolder } from './lib/package/stranger.mjs';

// The tarball of @cutpoint/react as a stranger gets it. What it does in a browser is tested in e2e/embed.

/** Without the client and React. */
const LIMIT_BYTES = 1_250;

let ground = '';
let client = '';
let folder = '';
let tarball = '';
beforeAll(async () => {
  ground = mkdtempSync(join(tmpdir(), 'cutpoint-react-'));
  ({ folder: client } = await packClient(join(ground, 'client')));
  ({ folder, tarball } = await packReact(join(ground, 'react')));
});
afterAll(() => rmSync(ground, { recursive: true, force: true }));

const installed = () =>
  strangersFolder(ground, { '@cutpoint/react': folder, '@cutpoint/client': client }, [
    'react',
    '@types/react',
    'csstype',
    'onnxruntime-common',
  ]);

test('publint finds nothing to say about it', () => publint(tarball));

test('its types are not wrong, for whoever imports modules', () => areTheTypesWrong(tarball));

test('it needs nothing but React and the client, of each the one that the app has', () => {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  expect(manifest.dependencies).toBeUndefined();
  expect(Object.keys(manifest.peerDependencies)).toEqual(['@cutpoint/client', 'react']);
});

const APP = `
import { CutpointError, type Trace } from '@cutpoint/client';
import { CutpointProvider, useCutpoint, useLatest, useTrace } from '@cutpoint/react';

function Reader() {
  const { status, session, error } = useCutpoint('m', { policy: 'loadpart' });
  const trace: Trace | undefined = useTrace(session);
  const cut: number | undefined = useLatest(session, 'decision')?.chosen.arm.cut;
  if (status === 'failed') return <p>{error instanceof CutpointError ? error.code : error.message}</p>;
  // @ts-expect-error there may be no session yet
  session.run({});
  if (status === 'ready') session.run({});
  // @ts-expect-error the provider says that
  useCutpoint('m', { token: 'secret' });
  // @ts-expect-error there is no such event
  useLatest(session, 'nonsense');
  return <p>{trace?.totalMs} {cut}</p>;
}

export const app = <CutpointProvider url="https://edge.example" token="secret"><Reader /></CutpointProvider>;
// @ts-expect-error an edge has an address
export const nowhere = <CutpointProvider />;
`;

test('a strict app compiles', async () => {
  const asBundlersDo = { module: 'esnext', moduleResolution: 'bundler', jsx: 'react-jsx' };
  await compile(installed(), 'app.tsx', APP, asBundlersDo);
});

test('a server that renders pages may import it, and knows that it runs in the browser', async () => {
  expect(await namesOf('@cutpoint/react', installed())).toEqual([
    'CutpointProvider',
    'useCutpoint',
    'useLatest',
    'useTrace',
  ]);
  expect(readFileSync(join(folder, 'dist', 'index.js'), 'utf8')).toMatch(/^["']use client["'];/);
});

test('it is as small as it was', async () => {
  const { all: bytes } = await gzipped(join(folder, 'dist', 'index.js'), 'CutpointProvider, useCutpoint, useTrace');
  console.log(`@cutpoint/react, gzipped: ${bytes} bytes`);
  expect(bytes).toBeLessThanOrEqual(LIMIT_BYTES);
  // A check of nothing would pass.
  expect(bytes).toBeGreaterThan(500);
});
