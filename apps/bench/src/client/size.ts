import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { round } from '../statistics.js';
import type { Measurement } from './measurement.js';

/** The project's own script, in a process of its own: scripts are no part of this package. */
const SCRIPT = fileURLToPath(new URL('../../../../scripts/size.mjs', import.meta.url));
const sizeSchema = v.object({ first: v.number(), page: v.number(), worker: v.number(), total: v.number() });

/** What the published client adds to an app. */
export const size: Measurement = {
  figures: ['gzipKB'],
  async measure({ print }) {
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT]);
    const { first, page, worker, total } = v.parse(sizeSchema, JSON.parse(stdout));
    const note = `page ${page} (${first} before the first result) and worker ${worker} bytes, gzipped, without onnxruntime-web`;
    print(`  ${note}`);
    return { findings: { gzipKB: { value: round(total / 1000, 1), note } }, detail: { gzip: { first, page, worker } } };
  },
};
