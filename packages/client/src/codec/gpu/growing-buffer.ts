/** A buffer that is made anew when it is too small, and otherwise used again. */
export class GrowingBuffer {
  readonly #device: GPUDevice;
  readonly #usage: GPUBufferUsageFlags;
  readonly #label: string;
  #buffer: GPUBuffer | undefined;

  constructor(device: GPUDevice, usage: GPUBufferUsageFlags, label: string) {
    this.#device = device;
    this.#usage = usage;
    this.#label = label;
  }

  /** At least so long. What was in it is lost when it had to grow. */
  ofAtLeast(numBytes: number): GPUBuffer {
    if (this.#buffer && this.#buffer.size >= numBytes) return this.#buffer;
    this.#buffer?.destroy();
    this.#buffer = this.#device.createBuffer({ label: this.#label, size: numBytes, usage: this.#usage });
    return this.#buffer;
  }

  destroy(): void {
    this.#buffer?.destroy();
    this.#buffer = undefined;
  }
}
