import { defineConfig } from 'vite';
import { embedSamplesPlugin } from './scripts/lib/embed-samples.mjs';
import { precompress } from './scripts/lib/precompress.mjs';

/** Threads in WASM need a cross-origin isolated page; the edge sends the same headers. */
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
const edge = process.env.CUTPOINT_EDGE ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [embedSamplesPlugin(), precompress()],
  build: {
    target: 'es2023',
    sourcemap: true,
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      // What is onnxruntime's is a file of its own, so that the page's own script can be weighed.
      output: { codeSplitting: { groups: [{ name: 'ort-common', test: /node_modules\/onnxruntime-common/ }] } },
    },
  },
  worker: { format: 'es' },
  publicDir: 'apps/demo/public',
  server: {
    headers: isolation,
    proxy: { '/v1': { target: edge, ws: true }, '/v2': edge },
  },
  preview: { headers: isolation },
});
