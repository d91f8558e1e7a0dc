import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const READ_EVERY_MS = 1_000;
/** What was read longer ago than this says nothing of now: a driver that hangs is silent. */
const MAX_AGE_MS = 5_000;
/** One that ended is started again after this long, and each time after twice as long, */
const RESTART_MS = 1_000;
/** up to this: a driver may be updated while the edge serves. */
const MAX_RESTART_MS = 5 * 60_000;
/** After one that ran for so long the pauses are short again. */
const STEADY_MS = 60_000;
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
  /** Default {@link RESTART_MS}. */
  readonly restartMs?: number;
}

/**
 * What the GPUs of this machine are doing. `nvidia-smi` runs beside the edge for as long as it does and says so once a
 * second; nothing here waits for it. One that ends is started again; where there is none nobody looks for it again.
 */
export class GpuMonitor {
  readonly #clock: () => number;
  readonly #drmFolder: string;
  readonly #nvidiaSmi: string;
  readonly #firstRestartMs: number;
  #nvidia: ChildProcess | undefined;
  #restartMs: number;
  #restart: NodeJS.Timeout | undefined;
  readonly #timer: NodeJS.Timeout;
  /** By GPU. */
  readonly #busy = new Map<string, Reading>();
  readonly #memory = new Map<string, Reading>();

  constructor(options: GpuMonitorOptions) {
    const { clock, nvidiaSmi = 'nvidia-smi', drmFolder = '/sys/class/drm', restartMs = RESTART_MS } = options;
    this.#clock = clock;
    this.#drmFolder = drmFolder;
    this.#nvidiaSmi = nvidiaSmi;
    this.#firstRestartMs = restartMs;
    this.#restartMs = restartMs;
    this.#startNvidia();
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
    clearTimeout(this.#restart);
    const child = this.#nvidia;
    this.#nvidia = undefined;
    // One that hangs in its driver would not hear anything milder.
    child?.kill('SIGKILL');
    child?.stdout?.destroy();
  }

  #startNvidia(): void {
    const child = spawn(this.#nvidiaSmi, NVIDIA_SMI, { stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true });
    const startedAtMs = this.#clock();
    this.#nvidia = child;
    // Not there, on most machines; then there is no 'exit'.
    child.on('error', () => undefined);
    child.on('exit', () => {
      // A process that ends when it is closed is no loss.
      if (this.#nvidia !== child) return;
      if (this.#clock() - startedAtMs >= STEADY_MS) this.#restartMs = this.#firstRestartMs;
      this.#restart = setTimeout(() => this.#startNvidia(), this.#restartMs).unref();
      this.#restartMs = Math.min(MAX_RESTART_MS, 2 * this.#restartMs);
    });
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#readLine(line);
    });
    child.unref();
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
