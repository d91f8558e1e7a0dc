import { deflateRawSync } from 'node:zlib';
import type { RgbPicture } from '@cutpoint/onnx';
import { decodeTensor, encodeTensor, type TensorInfo, tensorArray } from '@cutpoint/protocol';
import { Tensor } from 'onnxruntime-node';
import { JPEG_SETTINGS, type JpegSetting, throughJpeg } from './jpeg.js';
import { argmax, differenceOf, logitsOf, Tally } from './scores.js';
import type { Subject, Tensors, TriedCut } from './subject.js';
import { centre, normalised, viewOf } from './views.js';

export type Numbers = 'f16' | 'u8';

export interface CutResult {
  readonly cut: TriedCut;
  readonly f16: Tally;
  /** Weighed deflated; without deflate the size is a quarter of f32, and some bytes. */
  readonly u8: Tally;
  /** Bytes of u8 without deflate. */
  readonly u8Bytes: number;
}

export interface JpegResult extends JpegSetting {
  readonly tally: Tally;
}

/** Deflating takes longer than all else, and sizes differ little from view to view: every so many is weighed. */
const WEIGH_EVERY = 8;

/** Runs everything on `count` views: the whole network, every cut with both codecs, and the whole network on JPEGs. */
export async function measure(
  subject: Subject,
  pictures: readonly RgbPicture[],
  count: number,
  onDone: (done: number) => void,
): Promise<{ readonly cuts: readonly CutResult[]; readonly jpegs: readonly JpegResult[]; readonly whole: Tally }> {
  const side = subject.input.dims.at(-1) ?? 0;
  const cuts = subject.cuts.map((cut) => ({ cut, f16: new Tally(), u8: new Tally() }));
  const jpegs = JPEG_SETTINGS.map((setting) => ({ ...setting, tally: new Tally() }));
  const truths = await Promise.all(
    pictures.map(async (picture) =>
      argmax(logitsIn(await subject.whole.run(feedsOf(subject, centre(picture, side))), subject)),
    ),
  );
  const whole = new Tally();
  for (let index = 0; index < count; index++) {
    const truth = truths[index % truths.length] ?? -1;
    const isWeighed = index % WEIGH_EVERY === 0;
    const view = viewOf(pictures, index, side);
    const feeds = feedsOf(subject, view);
    const reference = logitsIn(await subject.whole.run(feeds), subject);
    whole.add(differenceOf(reference, reference), truth);
    for (const { cut, ...tallies } of cuts) {
      const available = { ...feeds, ...(await cut.head?.run(feeds)) };
      for (const codec of ['f16', 'u8'] as const) {
        const weigh = isWeighed && codec === 'u8' ? tallies.u8 : undefined;
        const arrived = Object.fromEntries(
          cut.crossing.map((info) => [info.name, through(codec, info, available[info.name])]),
        );
        weigh?.weigh(Object.values(arrived).reduce((sum, { bytes }) => sum + deflateRawSync(bytes).byteLength, 0));
        const sent = Object.fromEntries(Object.entries(arrived).map(([name, { tensor }]) => [name, tensor]));
        tallies[codec].add(differenceOf(reference, logitsIn(await cut.tail.run(sent), subject)), truth);
      }
    }
    for (const { tally, ...setting } of jpegs) {
      const { rgb, numBytes } = await throughJpeg(view, side, setting);
      tally.weigh(numBytes);
      tally.add(differenceOf(reference, logitsIn(await subject.whole.run(feedsOf(subject, rgb)), subject)), truth);
    }
    onDone(index + 1);
  }
  return { cuts: cuts.map((result) => ({ ...result, u8Bytes: result.cut.f32Bytes / 4 })), jpegs, whole };
}

export function feedsOf({ input }: Subject, rgb: Uint8Array): Tensors {
  return { [input.name]: new Tensor('float32', normalised(rgb), input.dims) };
}

export function logitsIn(outputs: Tensors, { output }: Subject): Float64Array {
  const data = outputs[output]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`"${output}" is no f32 output`);
  return logitsOf(data);
}

/** A tensor as it arrives, and the bytes that travelled. */
function through(codec: Numbers, info: TensorInfo, tensor: Tensor | undefined) {
  const data = tensor?.data;
  if (!(data instanceof Float32Array)) throw new Error(`"${info.name}" is no f32 tensor`);
  const { header, bytes } = encodeTensor({ ...info, data }, codec);
  if (header.codec !== codec) throw new Error(`"${info.name}" cannot travel as ${codec}`);
  // The cast: what the codec makes lies in memory of its own.
  const arrived = tensorArray('float32', decodeTensor(header, bytes as Uint8Array<ArrayBuffer>));
  return { bytes, tensor: new Tensor('float32', arrived as Float32Array, info.dims) };
}
