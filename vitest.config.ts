import { defineConfig } from 'vitest/config';

const shared = {
  // onnxruntime-node must find this in the environment before its process starts.
  env: { ORT_DISABLE_TELEMETRY: '1' },
  pool: 'forks',
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // Most of the time is a wait for another process.
  maxWorkers: 2,
  unstubEnvs: true,
  unstubGlobals: true,
} as const;

/** They replace modules, which only works where nothing has loaded those yet, or measure the memory of their process. */
const APART = [
  'apps/edge/src/dispatcher/tail-sessions.test.ts',
  'apps/edge/src/dispatcher/thread-dispatcher.test.ts',
  'apps/edge/src/kserve/inferences.test.ts',
];

export default defineConfig({
  test: {
    projects: [
      {
        // A process for each file would load ONNX Runtime and our own modules anew two hundred times: half of all time.
        test: {
          ...shared,
          name: 'shared process',
          include: ['{packages,apps}/*/src/**/*.test.ts'],
          exclude: APART,
          isolate: false,
        },
      },
      // The fuzzer, too, measures what its process runs: nothing else may run there.
      { test: { ...shared, name: 'own process', include: ['scripts/**/*.test.mjs', ...APART] } },
    ],
  },
});
