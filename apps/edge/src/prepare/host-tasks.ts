import { type LocatedModel, ModelFolder } from '../models/folder.js';
import { type Cleared, type ClearOptions, clearStoreIn } from './clear-store.js';
import { prepareModel } from './prepare.js';
import type { PreparedModel, PrepareRequest } from './prepared.js';

/** What the host is asked, and what comes of it. All of it travels between processes. */
export interface HostTasks {
  readonly locate: {
    readonly task: { readonly dir: string; readonly storeDir: string; readonly name: string };
    readonly result: LocatedModel;
  };
  readonly prepare: { readonly task: Omit<PrepareRequest, 'onProgress' | 'signal'>; readonly result: PreparedModel };
  readonly clear: { readonly task: ClearOptions & { readonly storeDir: string }; readonly result: Cleared };
}

export type HostTaskName = keyof HostTasks;

interface TaskContext {
  readonly signal: AbortSignal;
  readonly onProgress: NonNullable<PrepareRequest['onProgress']>;
}

export const HOST_TASKS: {
  readonly [K in HostTaskName]: (task: HostTasks[K]['task'], context: TaskContext) => Promise<HostTasks[K]['result']>;
} = {
  locate: async ({ dir, storeDir, name }, { signal }) => await new ModelFolder(dir, storeDir).locate(name, signal),
  prepare: async (request, context) => await prepareModel({ ...request, ...context }),
  clear: async ({ storeDir, ...options }) => await clearStoreIn(storeDir, options),
};
