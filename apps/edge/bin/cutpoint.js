#!/usr/bin/env node
// onnxruntime reads this when its library is loaded, which is later than this line in every thread of this process.
process.env.ORT_DISABLE_TELEMETRY = '1';

const { main } = await import('../dist/cli/main.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !String(error.message).includes('dist')) throw error;
  console.error('cutpoint is not built yet: run `npm run build` first, or `npm start`, which does it by itself.');
  process.exit(1);
});
process.exitCode = await main(process.argv.slice(2));
