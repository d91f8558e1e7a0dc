import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startServer } from '../server/start.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { GpuMonitor } from './gpu.js';

let folder = '';
let monitor: GpuMonitor | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cutpoint-gpu-'));
});
afterEach(() => {
  monitor?.close();
  monitor = undefined;
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** A program that says what `nvidia-smi` would, and then goes on as it does. */
function nvidiaSmi(script: string): string {
  const file = join(folder, 'nvidia-smi');
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

const watch = (script: string, clock = () => performance.now()) => {
  monitor = new GpuMonitor({ clock, nvidiaSmi: nvidiaSmi(script), drmFolder: join(folder, 'drm') });
  return monitor;
};

describe.skipIf(process.platform === 'win32')('the GPU', () => {
  it('that is idle is at 0, which is something else than unknown', async () => {
    const gpu = watch('echo "0, 0"; exec sleep 60');
    expect(gpu.value).toBeNull();
    await vi.waitFor(() => expect(gpu.value).toBe(0));
  });

  it('that is busiest counts, and what is not said is not made up', async () => {
    const gpu = watch('echo "0, 12"; echo "1, 37"; echo "2, [N/A]"; exec sleep 60');
    await vi.waitFor(() => expect(gpu.value).toBe(0.37));
    monitor?.close();
    const partitioned = watch('echo "0, [N/A]"; exec sleep 60');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(partitioned.value).toBeNull();
  });

  it('that is fullest counts for its memory', async () => {
    const gpu = watch('echo "0, 0, 1000, 4000"; echo "1, 0, 3000, 4000"; echo "2, 5, [N/A], 10"; exec sleep 60');
    await vi.waitFor(() => expect(gpu.memory).toBe(0.75));
    expect(gpu.value).toBe(0.05);
  });

  it('is unknown again when its driver falls silent', async () => {
    let nowMs = 0;
    const gpu = watch('echo "0, 50"; exec sleep 60', () => nowMs);
    await vi.waitFor(() => expect(gpu.value).toBe(0.5));
    nowMs = 4_000;
    expect(gpu.value).toBe(0.5);
    nowMs = 6_000;
    expect(gpu.value).toBeNull();
  });

  it('is read again when nvidia-smi died, which is started again with longer and longer pauses', async () => {
    // Says the number of its start, which it keeps in a file, and dies.
    const starts = join(folder, 'starts');
    const script = `echo x >> ${starts}; n=$(wc -l < ${starts}); echo "0, $n"; exit 1`;
    const atMs: number[] = [];
    monitor = new GpuMonitor({
      clock: () => performance.now(),
      nvidiaSmi: nvidiaSmi(script),
      drmFolder: join(folder, 'drm'),
      restartMs: 50,
    });
    for (const start of [1, 2, 3, 4]) {
      await vi.waitFor(() => expect(monitor?.value).toBe(start / 100), { timeout: 3_000, interval: 5 });
      atMs.push(performance.now());
    }
    const pauses = atMs.slice(1).map((ms, index) => ms - (atMs[index] ?? 0));
    expect(pauses[2] ?? 0, '200 ms, after 100 and 50').toBeGreaterThan(150);
    monitor.close();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(readFileSync(starts, 'utf8').length, 'none is started when it is closed').toBe('x\n'.repeat(4).length);
  });

  it('of AMD is read where its driver publishes it', async () => {
    mkdirSync(join(folder, 'drm/card0/device'), { recursive: true });
    mkdirSync(join(folder, 'drm/card0-DP-1'), { recursive: true });
    writeFileSync(join(folder, 'drm/card0/device/gpu_busy_percent'), '63\n');
    writeFileSync(join(folder, 'drm/card0/device/mem_info_vram_used'), '250\n');
    writeFileSync(join(folder, 'drm/card0/device/mem_info_vram_total'), '1000\n');
    const gpu = watch('exit 1');
    await vi.waitFor(() => expect(gpu).toMatchObject({ value: 0.63, memory: 0.25 }));
  });

  it('is unknown where there is no nvidia-smi', async () => {
    monitor = new GpuMonitor({ clock: () => 0, nvidiaSmi: join(folder, 'nothing'), drmFolder: folder });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(monitor.value).toBeNull();
  });
});

describe.skipIf(process.platform === 'win32')('the load report', () => {
  const serve = (script: string) => {
    nvidiaSmi(script);
    vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`);
    return startServer({ catalog: new MemoryCatalog(), port: 0, workers: 1, logLevel: 'silent' });
  };

  it('says what the GPU does', async () => {
    const server = await serve('echo "0, 42, 1, 4"; exec sleep 60');
    await vi.waitFor(async () => {
      const load = await (await fetch(`${server.url}/v1/load`)).json();
      expect(load).toMatchObject({ gpuUtilisation: 0.42, gpuMemory: 0.25 });
    });
    await server.stop();
  });

  it('comes at once while nvidia-smi hangs, and the edge stops all the same', async () => {
    const server = await serve('trap "" TERM INT; while :; do sleep 1; done');
    const startedAt = performance.now();
    for (let times = 0; times < 20; times += 1) {
      expect(await (await fetch(`${server.url}/v1/load`)).json()).toMatchObject({ gpuUtilisation: null });
    }
    await server.stop();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
