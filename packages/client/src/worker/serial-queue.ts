/**
 * One at a time, in order. onnxruntime-web needs it: two `create` at once reject, two `run` at once never settle or
 * crash the module.
 */
export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(task);
    this.#tail = result.catch(() => {});
    return result;
  }
}
