/** Typed events. `on` returns its own unsubscribe; a listener that throws does not stop the others. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();

  on<K extends keyof Events>(event: K, listener: (value: Events[K]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  emit<K extends keyof Events>(event: K, value: Events[K]): void {
    // The set holds listeners of many kinds; each was added for this very event.
    const listeners = this.#listeners.get(event) as Set<(value: Events[K]) => void> | undefined;
    for (const listener of [...(listeners ?? [])]) {
      try {
        listener(value);
      } catch (error) {
        reportLater(error);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}

/** An app's mistake in a listener belongs to the app: it shows as an uncaught error and breaks nothing here. */
function reportLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
