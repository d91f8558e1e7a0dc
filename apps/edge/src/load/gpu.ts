import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const READ_EVERY_MS = 1_000;
/** What was read longer ago than this says nothing of now: a driver that hangs is silent. */
const MAX_AGE_MS = 5_000;
/** By index, because the lines of several GPUs follow one another without end. */
const NVIDIA_SMI = ['--query-gpu=index,utilization.gpu', '--format=csv,noheader,nounits', '-l', '1'];

export interface GpuMonitorOptions {
  /** Monotonic, in ms. */
  readonly clock: () => number;
  /** Default `nvidia-smi`, from the path. */
  readonly nvidiaSmi?: string;
  /** Default `/sys/class/drm`, where the amdgpu driver publishes how busy a GPU is. */
  readonly drmFolder?: string;
}

/**
 * What the GPUs of this machine are doing. `nvidia-smi` runs beside the edge for as long as it does and says so once a
 * second; nothing here waits for it.
 */
export class GpuMonitor {
  readonly #clock: () => number;
  readonly #drmFolder: string;
  readonly #nvidia: ChildProcess;
  readonly #timer: NodeJS.Timeout;
  /** By GPU: 0..1, and when that was. */
  readonly #readings = new Map<string, { readonly value: number; readonly atMs: number }>();

  constructor({ clock, nvidiaSmi = 'nvidia-smi', drmFolder = '/sys/class/drm' }: GpuMonitorOptions) {
    this.#clock = clock;
    this.#drmFolder = drmFolder;
    const child = spawn(nvidiaSmi, NVIDIA_SMI, { stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true });
    this.#nvidia = child;
    // Not there, on most machines.
    child.on('error', () => undefined);
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#readLine(line);
    });
    child.unref();
    this.#timer = setInterval(() => void this.#readAmd(), READ_EVERY_MS).unref();
    void this.#readAmd();
  }

  /** 0..1 of the busiest GPU; `null` where there is none that can be read. */
  get value(): number | null {
    const oldestMs = this.#clock() - MAX_AGE_MS;
    const fresh = [...this.#readings.values()].filter(({ atMs }) => atMs >= oldestMs);
    return fresh.length === 0 ? null : Math.max(...fresh.map(({ value }) => value));
  }

  close(): void {
    clearInterval(this.#timer);
    // One that hangs in its driver would not hear anything milder.
    this.#nvidia.kill('SIGKILL');
    this.#nvidia.stdout?.destroy();
  }

  /** `0, 37`, or `0, [N/A]` where the driver does not say, as of a GPU that is partitioned. */
  #readLine(line: string): void {
    const match = /^(\d+), (\d+)\s*$/.exec(line);
    if (match !== null) this.#note(`nvidia ${match[1]}`, Number(match[2]));
  }

  async #readAmd(): Promise<void> {
    const names = await readdir(this.#drmFolder).catch(() => []);
    for (const card of names.filter((name) => /^card\d+$/.test(name))) {
      const text = await readFile(join(this.#drmFolder, card, 'device/gpu_busy_percent'), 'utf8').catch(() => '');
      if (/^\d+\s*$/.test(text)) this.#note(card, Number(text));
    }
  }

  #note(gpu: string, percent: number): void {
    this.#readings.set(gpu, { value: Math.min(100, percent) / 100, atMs: this.#clock() });
  }
}
