import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import { Tensor } from 'onnxruntime-node';
import type { Bench } from '../bench.js';
import { round } from '../statistics.js';
import { DATA } from './data.js';
import { feedsOf, logitsIn } from './measure.js';
import { differencesOf, planesOf, QUANTISERS, type Quantiser, quantise } from './quantisers.js';
import { differenceOf, Tally } from './scores.js';
import { openSubject, type Subject, type Tensors, type TriedCut } from './subject.js';
import { agreementOf } from './summary.js';
import { readFolder, viewOf } from './views.js';

/** Sizes differ little from view to view. */
const WEIGH_EVERY = 8;
const PROGRESS_EVERY = 100;

/** One quantiser at one cut. */
interface Tried {
  readonly cut: TriedCut;
  readonly quantiser: Quantiser;
  /** Weighed as it is deflated. */
  readonly plain: Tally;
  /** Weighed as differences within rows where those are smaller. */
  readonly filtered: Tally;
}

/** Other ways to write numbers in 8 bits or a few more, at the frontier cuts of a trained classifier. */
export const quantisers: Bench = {
  summary: 'answers and bytes of other 8-bit codecs [--inputs 6000] [--first 1200] [--cuts 5,…] [--only NAME,…]',
  async run(args, print) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        inputs: { type: 'string', default: '6000' },
        first: { type: 'string', default: '1200' },
        cuts: { type: 'string' },
        only: { type: 'string' },
      },
    });
    const [first, count] = [Number(values.first), Number(values.inputs)];
    if (!(Number.isInteger(first) && first >= 0 && Number.isInteger(count) && count > 0)) {
      throw new Error('--inputs is a number of at least 1, --first one of at least 0');
    }
    const wanted = listOf(values.only);
    const ids = listOf(values.cuts)?.map(Number);
    const chosen = QUANTISERS.filter(({ name }) => wanted === undefined || wanted.includes(name));
    const pictures = await readFolder(join(DATA, 'images'));
    const folder = await mkdtemp(join(tmpdir(), 'cutpoint-quantisers-'));
    try {
      const subject = await openSubject(join(DATA, 'models/squeezenet1.onnx'), folder, ({ isFrontier }) => isFrontier);
      const cuts = subject.cuts.filter(({ id, head }) => head !== undefined && (ids === undefined || ids.includes(id)));
      const tried = cuts.flatMap((cut) =>
        chosen.map((quantiser): Tried => ({ cut, quantiser, plain: new Tally(), filtered: new Tally() })),
      );
      if (tried.length === 0) throw new Error('no cut or no quantiser has such a name');
      const side = subject.input.dims.at(-1) ?? 0;
      for (let index = first; index < first + count; index++) {
        await tryOn(subject, tried, viewOf(pictures, index, side), index % WEIGH_EVERY === 0);
        const done = index - first + 1;
        if (done % PROGRESS_EVERY === 0) console.error(`${done} of ${count}`);
      }
      const lines = tried.map(lineOf);
      for (const { cut, quantiser, changed, top1DropPct, top1DropUpperPct, logitErrorPct, ...bytes } of lines) {
        print(
          `cut ${cut} ${quantiser}: ${changed} other answers (${top1DropPct} %, at most ${top1DropUpperPct} %), ` +
            `logits by ${logitErrorPct} %, ${bytes.bytesVsF32} of f32, ${bytes.filteredVsF32} with differences`,
        );
      }
      return { inputs: count, first, lines };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function listOf(option: string | undefined): readonly string[] | undefined {
  return option?.split(',');
}

async function tryOn(subject: Subject, tried: readonly Tried[], view: Uint8Array, isWeighed: boolean): Promise<void> {
  const feeds = feedsOf(subject, view);
  const reference = logitsIn(await subject.whole.run(feeds), subject);
  const outputs = new Map<TriedCut, Tensors>();
  for (const { cut, quantiser, plain, filtered } of tried) {
    const head = outputs.get(cut) ?? (await cut.head?.run(feeds)) ?? {};
    outputs.set(cut, head);
    const arrived: Record<string, Tensor> = {};
    let [plainBytes, filteredBytes] = [0, 0];
    for (const { name, dims } of cut.crossing) {
      const { levels, values, rangeBytes } = quantise(numbersOf(head, name), dims, quantiser);
      arrived[name] = new Tensor('float32', values, dims);
      if (!isWeighed) continue;
      const own = deflated(levels, quantiser);
      const differences = deflated(differencesOf(levels, dims.at(-1) ?? 1, quantiser.bits), quantiser);
      plainBytes += own + rangeBytes;
      filteredBytes += Math.min(own, differences) + rangeBytes;
    }
    if (isWeighed) {
      plain.weigh(plainBytes);
      filtered.weigh(filteredBytes);
    }
    plain.add(differenceOf(reference, logitsIn(await cut.tail.run(arrived), subject)), -1);
  }
}

function deflated(levels: Uint16Array, { bits }: Quantiser): number {
  return deflateRawSync(planesOf(levels, bits)).byteLength;
}

function numbersOf(tensors: Tensors, name: string): Float32Array {
  const data = tensors[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`"${name}" is no f32 tensor of a head`);
  return data;
}

function lineOf({ cut, quantiser, plain, filtered }: Tried) {
  const { changed, top1DropPct, top1DropUpperPct, logitErrorPct } = agreementOf(plain);
  return {
    cut: cut.id,
    quantiser: quantiser.name,
    changed,
    top1DropPct,
    top1DropUpperPct,
    logitErrorPct,
    bytesVsF32: round(plain.numBytes / cut.f32Bytes, 4),
    filteredVsF32: round(filtered.numBytes / cut.f32Bytes, 4),
  };
}
