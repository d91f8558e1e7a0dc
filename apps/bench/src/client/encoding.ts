import * as v from 'valibot';
import { encode } from '../encode/encode.js';
import type { Measurement } from './measurement.js';

const resultSchema = v.object({
  encodeU8MsPerMB: v.number(),
  adapter: v.object({ name: v.string(), isSoftware: v.boolean() }),
});

/** Encoding on the GPU: the figure of the bench `encode`, with the adapter that it is of. */
export const encoding: Measurement = {
  figures: ['encodeU8MsPerMB'],
  async measure({ options, print }) {
    const result = await encode.run(
      options.browserArgs.map((arg) => `--browser-arg=${arg}`),
      (line) => print(`  ${line}`),
    );
    const { encodeU8MsPerMB, adapter } = v.parse(resultSchema, result);
    const warning = adapter.isSoftware ? ', which runs on the CPU: says nothing of a GPU' : '';
    const note = `WebGPU on ${adapter.name}${warning}`;
    return { findings: { encodeU8MsPerMB: { value: encodeU8MsPerMB, note } }, detail: { encode: result } };
  },
};
