import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench } from '../bench.js';
import { DATA } from './data.js';
import { measure } from './measure.js';
import { openSubject } from './subject.js';
import { agreementOf, type CutLine, figuresOf, lineOf } from './summary.js';
import { readFolder } from './views.js';

const PROGRESS_EVERY = 100;

/** What 8 bits and half precision cost a trained classifier, cut by cut, in answers and in bytes. */
export const fidelity: Bench = {
  summary:
    'answers and bytes of u8 and f16 at the cuts of SqueezeNet [--inputs 1200] [--frontier] [--model FILE] [--images DIR]',
  async run(args, print) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        inputs: { type: 'string', default: '1200' },
        frontier: { type: 'boolean', default: false },
        model: { type: 'string', default: join(DATA, 'models/squeezenet1.onnx') },
        images: { type: 'string', default: join(DATA, 'images') },
      },
    });
    const count = Number(values.inputs);
    if (!Number.isInteger(count) || count < 1)
      throw new Error(`--inputs is not a number of at least 1: ${values.inputs}`);
    const pictures = await readFolder(values.images);
    const folder = await mkdtemp(join(tmpdir(), 'cutpoint-fidelity-'));
    try {
      const subject = await openSubject(values.model, folder, ({ isFrontier }) => isFrontier || !values.frontier);
      print(`${subject.cuts.length} cuts, ${count} views of ${pictures.length} pictures`);
      const { cuts, jpegs, whole } = await measure(subject, pictures, count, (done) => {
        if (done % PROGRESS_EVERY === 0) console.error(`${done} of ${count}`);
      });
      const lines = cuts.map((cut) => lineOf(cut, jpegs));
      print(`unsplit: ${agreementOf(whole).rightPct} % are the class of the whole picture`);
      for (const line of lines) print(inWords(line));
      const compressed = jpegs.map(({ quality, chroma, tally }) => {
        return { quality, chroma, numBytes: Math.round(tally.numBytes), ...agreementOf(tally) };
      });
      for (const { quality, chroma, numBytes, changed, top1DropPct, rightPct } of compressed) {
        print(
          `JPEG ${quality} ${chroma}: ${numBytes} bytes, ${changed} other answers (${top1DropPct} %), ${rightPct} % right`,
        );
      }
      return {
        ...figuresOf(lines),
        inputs: count,
        rightPct: agreementOf(whole).rightPct,
        cuts: lines,
        jpegs: compressed,
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function inWords(line: CutLine): string {
  const { cut, afterNode, u8, f16, f32Bytes, u8DeflateBytes, equalJpeg, bytesVsJpeg } = line;
  return (
    `cut ${cut} ${afterNode}${line.frontier ? ' *' : ''}: ${f32Bytes} bytes, u8 and deflate ${u8DeflateBytes} ` +
    `(${(100 * line.bytesVsF32).toFixed(1)} %); u8 changes ${u8.changed} (${u8.top1DropPct} %, at most ${u8.top1DropUpperPct} %; ${u8.rightPct} % right), ` +
    `logits by ${u8.logitErrorPct} %; f16 ${f16.changed}, ${f16.logitErrorPct} %; ` +
    `${equalJpeg.isLeast ? 'more than ' : ''}JPEG ${equalJpeg.quality} ${equalJpeg.chroma} ${equalJpeg.numBytes} bytes, ${bytesVsJpeg} of it`
  );
}
