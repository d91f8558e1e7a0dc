import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const READ_EVERY_MS = 1_000;
/** What was read longer ago than this says nothing of now: a driver that hangs is silent. */
const MAX_AGE_MS = 5_000;
/** By index, because the lines of several GPUs follow one another without end. */
const NVIDIA_SMI = [
  '--query-gpu=index,utilization.gpu,memory.used,memory.total',
  '--format=csv,noheader,nounits',
  '-l',
  '1',
];

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
  /** By GPU. */
  readonly #busy = new Map<string, Reading>();
  readonly #memory = new Map<string, Reading>();

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
    return this.#most(this.#busy);
  }

  /** 0..1 of the memory of the GPU that is fullest; `null` where there is none that can be read. */
  get memory(): number | null {
    return this.#most(this.#memory);
  }

  close(): void {
    clearInterval(this.#timer);
    // One that hangs in its driver would not hear anything milder.
    this.#nvidia.kill('SIGKILL');
    this.#nvidia.stdout?.destroy();
  }

  /** `0, 37, 1024, 81559`; `[N/A]` for what the driver does not say, as of a GPU that is partitioned. */
  #readLine(line: string): void {
    const [index, percent, usedMiB, totalMiB] = line.split(',').map((field) => field.trim());
    this.#note(this.#busy, `nvidia ${index}`, percent, '100');
    this.#note(this.#memory, `nvidia ${index}`, usedMiB, totalMiB);
  }

  async #readAmd(): Promise<void> {
    const names = await readdir(this.#drmFolder).catch(() => []);
    for (const card of names.filter((name) => /^card\d+$/.test(name))) {
      const read = async (name: string) =>
        (await readFile(join(this.#drmFolder, card, 'device', name), 'utf8').catch(() => '')).trim();
      this.#note(this.#busy, card, await read('gpu_busy_percent'), '100');
      this.#note(this.#memory, card, await read('mem_info_vram_used'), await read('mem_info_vram_total'));
    }
  }

  #note(readings: Map<string, Reading>, gpu: string, used: string | undefined, total: string | undefined): void {
    if (!isNumber(used) || !isNumber(total) || Number(total) === 0) return;
    readings.set(gpu, { value: Math.min(1, Number(used) / Number(total)), atMs: this.#clock() });
  }

  #most(readings: ReadonlyMap<string, Reading>): number | null {
    const oldestMs = this.#clock() - MAX_AGE_MS;
    const fresh = [...readings.values()].filter(({ atMs }) => atMs >= oldestMs);
    return fresh.length === 0 ? null : Math.max(...fresh.map(({ value }) => value));
  }
}

/** 0..1, and when that was. */
interface Reading {
  readonly value: number;
  readonly atMs: number;
}

function isNumber(text: string | undefined): text is string {
  return text !== undefined && /^\d+$/.test(text);
}
