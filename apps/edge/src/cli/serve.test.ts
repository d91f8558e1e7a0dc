import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseModelList } from '@cutpoint/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCli, until } from '../testing/cli-process.js';
import { servedModel, untilLoad } from '../testing/served-model.js';
import { floats, TestClient } from '../testing/test-client.js';
import { slowOnnx } from '../testing/tiny-models.js';

/** The real command line in processes of its own, as a person starts it. */

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-cli-'));
const home = join(folder, 'home');

beforeAll(() => {
  mkdirSync(home);
  mkdirSync(join(folder, 'models/slow'), { recursive: true });
  writeFileSync(join(folder, 'models/slow/slow.onnx'), slowOnnx());
  writeFileSync(
    join(folder, 'models/slow/config.json'),
    JSON.stringify({ description: 'takes its time', source: { file: 'slow.onnx' } }),
  );
});

afterAll(() => rmSync(folder, { recursive: true }));

const cli = (...args: string[]) => startCli(args, { cwd: folder, home });

describe('cutpoint serve', () => {
  it('says where it is, answers at once, becomes ready, and finishes what runs when it is told to stop', async () => {
    const edge = cli('serve', '--port', '0', '--workers', '1');
    const url = await until(edge, /serves at (http:\S+)/);
    expect((await fetch(`${url}/v2/health/live`)).status).toBe(200);
    await until(edge, /Ready: open http/);
    expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);

    const model = await servedModel(url, 'slow');
    const client = await TestClient.open(url);
    for (const id of [1, 2, 3]) client.infer(id, model, 0, [floats('x', [1], [0])]);
    await untilLoad(url, ({ queueDepth }) => queueDepth === 2);
    edge.child.kill('SIGTERM');
    await client.result(1);
    expect(await client.errorOf(2)).toBe('shutting_down');
    expect(await client.errorOf(3)).toBe('shutting_down');
    expect((await client.end()).closeCode).toBe(1001);
    expect(await edge.ended).toBe(0);
    await expect(fetch(`${url}/v2/health/live`)).rejects.toThrow();
  });

  it('prepares a model on demand for the first who asks for it', async () => {
    const models = join(folder, 'lazy-models');
    mkdirSync(join(models, 'lazy'), { recursive: true });
    writeFileSync(join(models, 'lazy/net.onnx'), slowOnnx(2));
    const config = { description: 'lazy', onDemand: true, source: { file: 'net.onnx' } };
    writeFileSync(join(models, 'lazy/config.json'), JSON.stringify(config));
    const edge = cli('serve', '--port', '0', '--workers', '1', '--models', models);
    const url = await until(edge, /Ready: open (http:\S+)/);
    const statusOf = async () => parseModelList(await (await fetch(`${url}/v1/models`)).json());
    expect(await statusOf()).toMatchObject({ models: [{ name: 'lazy', status: 'on-demand' }] });
    expect((await fetch(`${url}/v1/models/lazy/manifest`)).status).toBe(202);
    expect(await statusOf()).toMatchObject({ models: [{ name: 'lazy', status: 'preparing' }] });
    await until(edge, /lazy is ready/);
    expect((await fetch(`${url}/v1/models/lazy/manifest`)).status).toBe(200);
    edge.child.kill('SIGTERM');
    expect(await edge.ended).toBe(0);
  });

  it('reads its models anew on SIGHUP, and serves on whatever that brings', async () => {
    const models = join(folder, 'changing-models');
    const put = (name: string, file: Uint8Array | string) => {
      mkdirSync(join(models, name), { recursive: true });
      writeFileSync(join(models, name, 'net.onnx'), file);
      writeFileSync(
        join(models, name, 'config.json'),
        JSON.stringify({ description: name, source: { file: 'net.onnx' } }),
      );
    };
    put('first', slowOnnx(2));
    const edge = cli('serve', '--port', '0', '--workers', '1', '--models', models);
    const url = await until(edge, /Ready: open (http:\S+)/);
    put('second', slowOnnx(3));
    put('broken', 'no network at all');
    edge.child.kill('SIGHUP');
    await until(edge, /The models are read again/);
    expect(edge.said()).toMatch(/second is ready/);
    expect(edge.said()).toMatch(/broken is failed: \S+/);
    expect((await fetch(`${url}/v1/models/second/manifest`)).status).toBe(200);
    rmSync(join(models, 'first'), { recursive: true });
    edge.child.kill('SIGHUP');
    await until(edge, /first is removed/);
    expect((await fetch(`${url}/v1/models/first/manifest`)).status).toBe(404);
    edge.child.kill('SIGTERM');
    expect(await edge.ended).toBe(0);
  });

  it('leaves nothing of onnxruntime in the home of who starts it', () => {
    expect(readdirSync(home, { recursive: true })).toEqual([]);
  });

  it('stops at once when it is told so twice', async () => {
    const edge = cli('serve', '--port', '0', '--drain-ms', '60000', '--workers', '1');
    const url = await until(edge, /serves at (http:\S+)/);
    await until(edge, /Ready: open http/);
    const model = await servedModel(url, 'slow');
    const client = await TestClient.open(url);
    client.infer(1, model, 0, [floats('x', [1], [0])]);
    await untilLoad(url, ({ inFlight }) => inFlight === 1);
    edge.child.kill('SIGINT');
    await until(edge, /Once more to stop at once/);
    edge.child.kill('SIGINT');
    expect(await edge.ended).toBe('SIGINT');
  });

  it('says so when its port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    const edge = cli('serve', '--port', port);
    expect(await edge.ended).toBe(1);
    expect(edge.said()).toContain(`cutpoint serve: port ${port} of 127.0.0.1 is in use`);
    expect(edge.said()).toContain('(EADDRINUSE)');
    other.close();
  });

  it('does not start with a wrong option, and names it', async () => {
    const edge = cli('serve', '--wrokers', '2');
    expect(await edge.ended).toBe(2);
    expect(edge.said()).toMatch(/^cutpoint serve: .*--wrokers.* \(bad_arguments\)\n\ncutpoint serve \[options\]/);
  });

  it('lives on without any model that can be served', async () => {
    const edge = cli('serve', '--port', '0', '--models', 'nowhere');
    const url = await until(edge, /serves at (http:\S+)/);
    const ready = await fetch(`${url}/v2/health/ready`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ reason: expect.stringContaining('no model') });
    edge.child.kill('SIGINT');
    expect(await edge.ended).toBe(0);
  });
});

describe('cutpoint', () => {
  it('explains itself', async () => {
    const help = cli('--help');
    expect(await help.ended).toBe(0);
    expect(help.said()).toMatch(/serve .*\n.*add /);
    const version = cli('--version');
    expect(await version.ended).toBe(0);
    expect(version.said()).toMatch(/^\d+\.\d+\.\d+\n$/);
    const unknown = cli('sevre');
    expect(await unknown.ended).toBe(2);
    expect(unknown.said()).toContain('there is no command "sevre"');
  });
});
