import type { DeviceMeasurement } from '../session.js';

/** What a measurement found, and for which page on which machine it holds. */
export interface Remembered {
  readonly model: string;
  /** Description of the graphics adapter, or {@link NO_ADAPTER}. */
  readonly adapter: string;
  /** Threads that WASM might have had. */
  readonly mostThreads: number;
  readonly kind: 'webgpu' | 'wasm';
  readonly threads: number;
  readonly measured: DeviceMeasurement;
}

/** Measurements of earlier visits. Neither of the two fails: a memory that does not work is empty. */
export interface DeviceMemory {
  /** Those of a model that have not expired, the newest first. */
  read(model: string): Promise<readonly Remembered[]>;
  keep(remembered: Remembered): Promise<void>;
}

export const NO_ADAPTER = 'none';

/** Drivers and browsers are renewed within such a time, and what was true of them need not be any more. */
export const EXPIRY_MS = 30 * 24 * 3600 * 1000;
/** A session starts without it when the database takes longer. */
const READ_MS = 250;

const DATABASE = 'cutpoint-devices-v1';
const STORE = 'measured';

/** The browser's IndexedDB. Private windows may have none, storage may be blocked, and a database may be corrupt. */
export class BrowserDeviceMemory implements DeviceMemory {
  async read(model: string): Promise<readonly Remembered[]> {
    const late = new Promise<unknown[]>((resolve) => setTimeout(() => resolve([]), READ_MS));
    const found = await Promise.race([readAll(model).catch(() => []), late]);
    return stillTrue(found, Date.now());
  }

  async keep(remembered: Remembered): Promise<void> {
    const { model, adapter, mostThreads, measured } = remembered;
    const key = [model, adapter, measured.ort, mostThreads];
    await withStore('readwrite', (store) => store.put(remembered, key)).catch(() => {});
  }
}

/** Of whatever lay in the database, what can be relied upon. */
export function stillTrue(found: readonly unknown[], nowMs: number): readonly Remembered[] {
  return found
    .filter(isRemembered)
    .filter(({ measured: { atMs } }) => atMs <= nowMs && nowMs - atMs <= EXPIRY_MS)
    .sort((a, b) => b.measured.atMs - a.measured.atMs)
    .map((one) => ({ ...one, measured: { ...one.measured, remembered: true } }));
}

/** Another version of this package, or a damaged disk, may have written anything. */
function isRemembered(value: unknown): value is Remembered {
  const { kind, threads, mostThreads, adapter, measured } = (value ?? {}) as Partial<Remembered>;
  return (
    (kind === 'webgpu' || kind === 'wasm') &&
    typeof adapter === 'string' &&
    Number(threads) >= 1 &&
    Number(threads) <= Number(mostThreads) &&
    typeof measured?.ort === 'string' &&
    Number.isFinite(measured.atMs) &&
    Number.isFinite(measured.headFlops) &&
    Array.isArray(measured.candidates) &&
    (kind === 'wasm' || adapter !== NO_ADAPTER) &&
    measured.candidates.some((one) => one?.kind === kind && one.threads === threads && Number.isFinite(one.ms))
  );
}

function readAll(model: string): Promise<unknown[]> {
  // An array is above every text and number: all keys that begin with the model.
  return withStore('readonly', (store) => store.getAll(IDBKeyRange.bound([model], [model, []])));
}

async function withStore<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await settled(opening);
  try {
    return await settled(work(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
