import { decodeTensor, encodeTensor, type TensorData } from '@cutpoint/protocol';
import type { Page } from 'playwright-core';
import type { NetworkProfile } from '../policies/profile-file.js';
import { median } from '../statistics.js';

/** As large as what ResNet18's first block leaves: f32 [1, 64, 56, 56]. */
const DIMS = [1, 64, 56, 56];
const MEGABYTES = (4 * DIMS.reduce((product, dim) => product * dim, 1)) / 1e6;
const WARM_UP = 30;
const RUNS = 60;

/** What f16 and u8 cost on their way from the browser to Node, with the codecs that are shipped, per 10^6 bytes of f32. */
export async function timeNumberCodecs(page: Page): Promise<NetworkProfile['codecs']> {
  return {
    f16EncodeMsPerMB: await encodeMs(page, 'f16'),
    f16DecodeMsPerMB: decodeMs('f16'),
    u8EncodeMsPerMB: await encodeMs(page, 'u8'),
    u8DecodeMsPerMB: decodeMs('u8'),
  };
}

async function encodeMs(page: Page, codec: 'f16' | 'u8'): Promise<number> {
  const times = await page.evaluate(
    async ({ codec, dims, runs }) => {
      const { encodeTensor } = await import('@cutpoint/protocol');
      const count = dims.reduce((product, dim) => product * dim, 1);
      // As a ReLU leaves them: half of them 0.
      const data = Float32Array.from({ length: count }, () => Math.max(0, 8 * Math.random() - 4));
      return Array.from({ length: runs }, () => {
        const startMs = performance.now();
        encodeTensor({ name: 'crossing', type: 'float32', dims, data }, codec);
        return performance.now() - startMs;
      });
    },
    { codec, dims: DIMS, runs: WARM_UP + RUNS },
  );
  return median(times.slice(WARM_UP)) / MEGABYTES;
}

function decodeMs(codec: 'f16' | 'u8'): number {
  const count = DIMS.reduce((product, dim) => product * dim, 1);
  const data = Float32Array.from({ length: count }, (_, index) => Math.max(0, (index % 97) / 12 - 4));
  const tensor: TensorData = { name: 'crossing', type: 'float32', dims: DIMS, data };
  const { header, bytes } = encodeTensor(tensor, codec);
  const arrived = new Uint8Array(bytes);
  const times = Array.from({ length: WARM_UP + RUNS }, () => {
    const startMs = performance.now();
    decodeTensor(header, arrived);
    return performance.now() - startMs;
  });
  return median(times.slice(WARM_UP)) / MEGABYTES;
}
