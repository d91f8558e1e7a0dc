import { round, upperShare } from '../statistics.js';
import type { CutResult, JpegResult } from './measure.js';
import type { Tally } from './scores.js';

/** A JPEG that is smallest among those that change no more answers. */
export interface EqualJpeg {
  readonly quality: number;
  readonly chroma: string;
  readonly numBytes: number;
  /** No setting changed so few answers: then this is the one that changed fewest, and an equal one would be larger. */
  readonly isLeast: boolean;
}

export interface CutLine {
  readonly cut: number;
  readonly afterNode: string;
  readonly frontier: boolean;
  /** Something was run before what is sent. */
  readonly isCut: boolean;
  readonly f32Bytes: number;
  readonly u8Bytes: number;
  readonly u8DeflateBytes: number;
  readonly u8: Agreement;
  readonly f16: Agreement;
  readonly equalJpeg: EqualJpeg;
  readonly bytesVsF32: number;
  readonly bytesVsJpeg: number;
}

export interface Agreement {
  readonly changed: number;
  readonly inputs: number;
  readonly top1DropPct: number;
  /** Inputs that are answered with the class of the whole picture, in %. */
  readonly rightPct: number;
  /** One-sided, 95 %. */
  readonly top1DropUpperPct: number;
  /** Root mean square error of the logits in % of their range: mean over the inputs, and largest. */
  readonly logitErrorPct: number;
  readonly worstLogitErrorPct: number;
}

export function agreementOf(tally: Tally): Agreement {
  return {
    changed: tally.changed,
    inputs: tally.inputs,
    rightPct: round((100 * tally.right) / tally.inputs, 2),
    top1DropPct: round(100 * tally.share),
    top1DropUpperPct: round(100 * upperShare(tally.changed, tally.inputs)),
    logitErrorPct: round(100 * tally.meanError, 4),
    worstLogitErrorPct: round(100 * tally.worstError, 4),
  };
}

export function lineOf({ cut, u8, f16, u8Bytes }: CutResult, jpegs: readonly JpegResult[]): CutLine {
  const equal = equalJpeg(u8, jpegs);
  return {
    cut: cut.id,
    afterNode: cut.afterNode,
    frontier: cut.isFrontier,
    isCut: cut.head !== undefined,
    f32Bytes: cut.f32Bytes,
    u8Bytes,
    u8DeflateBytes: Math.round(u8.numBytes),
    u8: agreementOf(u8),
    f16: agreementOf(f16),
    equalJpeg: equal,
    bytesVsF32: round(u8.numBytes / cut.f32Bytes),
    bytesVsJpeg: round(u8.numBytes / equal.numBytes),
  };
}

/** The smallest JPEG that changes no more answers than `tally`. */
export function equalJpeg(tally: Tally, jpegs: readonly JpegResult[]): EqualJpeg {
  const equal = jpegs.filter((jpeg) => jpeg.tally.changed <= tally.changed);
  const fewest = Math.min(...jpegs.map((jpeg) => jpeg.tally.changed));
  const among = equal.length > 0 ? equal : jpegs.filter((jpeg) => jpeg.tally.changed === fewest);
  const [smallest] = among.toSorted((a, b) => a.tally.numBytes - b.tally.numBytes);
  if (smallest === undefined) throw new Error('no JPEG was measured');
  const { quality, chroma } = smallest;
  return { quality, chroma, numBytes: Math.round(smallest.tally.numBytes), isLeast: equal.length === 0 };
}

/** The figures of the last line, over the frontier cuts that run something on the device. */
export function figuresOf(lines: readonly CutLine[]) {
  const frontier = lines.filter(({ frontier, isCut }) => frontier && isCut);
  const most = (of: (line: CutLine) => number): number => Math.max(...frontier.map(of));
  const total = (of: (line: CutLine) => number): number => frontier.reduce((sum, line) => sum + of(line), 0);
  const [narrowest] = frontier.toSorted((a, b) => a.u8DeflateBytes - b.u8DeflateBytes);
  return {
    /** Of the cut that changes most answers. */
    top1DropPct: most(({ u8 }) => u8.top1DropPct),
    top1DropUpperPct: most(({ u8 }) => u8.top1DropUpperPct),
    /** All frontier cuts together, and the one that saves least. */
    bytesVsF32: round(total(({ u8DeflateBytes }) => u8DeflateBytes) / total(({ f32Bytes }) => f32Bytes)),
    worstBytesVsF32: most(({ bytesVsF32 }) => bytesVsF32),
    bytesVsJpeg: narrowest?.bytesVsJpeg,
    narrowestCut: narrowest?.cut,
    frontierCuts: frontier.length,
  };
}
