/** Slows this device down by work that competes with the heads, and rests while nobody looks. */
export class BusyDevice {
  #wanted = 0;
  readonly #workers: Worker[] = [];

  constructor() {
    document.addEventListener('visibilitychange', () => this.#follow());
  }

  setWorkers(count: number): void {
    this.#wanted = count;
    this.#follow();
  }

  #follow(): void {
    const count = document.hidden ? 0 : this.#wanted;
    while (this.#workers.length < count) {
      this.#workers.push(new Worker(new URL('./busy-worker.ts', import.meta.url), { type: 'module' }));
    }
    for (const spare of this.#workers.splice(count)) spare.terminate();
  }
}
