import type { CutDescription, Model } from '@cutpoint/onnx';
import type { NetworkProfile, ProfiledCut } from '../policies/profile-file.js';
import { round } from '../statistics.js';
import type { PreparedNetwork } from './prepared-network.js';
import { isPrefix, type TimedCut } from './time-cuts.js';

/** How sure the times of one cut are. */
export interface CutTiming {
  readonly id: number;
  /** Runs behind each median; 0 for an empty head or tail. */
  readonly headRuns: number;
  readonly tailRuns: number;
  /** Between the quartiles, as a share of the median. */
  readonly headSpread: number;
  readonly tailSpread: number;
}

/** A profile as it is written: more than the simulator reads, for whoever judges the figures. */
export interface ProfileContent extends NetworkProfile {
  readonly machine: NetworkProfile['machine'] & {
    /** Of one minute, when the network was begun and when it was done. */
    readonly loadAverage: readonly number[];
  };
  /** Date of the earlier run whose quicker times were kept. */
  readonly refines?: string;
  readonly timings: readonly CutTiming[];
}

export interface ProfileParts extends Pick<ProfileContent, 'machine' | 'date' | 'browser' | 'input' | 'codecs'> {
  readonly network: Pick<PreparedNetwork, 'name' | 'model' | 'analysis'>;
  readonly refines?: string | undefined;
  /** By ascending id. */
  readonly timed: readonly TimedCut[];
}

export function profileOf(parts: ProfileParts): ProfileContent {
  const { network, timed, machine, date, refines, browser, input, codecs } = parts;
  const { name, model, analysis } = network;
  const wholeNodes = analysis.nodes.length;
  const cuts = timed.map(({ cut, head, tail }): ProfiledCut => {
    const float32 = cut.crossing.flatMap((tensor) => {
      const known = analysis.tensors.get(tensor);
      return known?.type === 'float32' ? [known.numBytes] : [];
    });
    return {
      id: cut.id,
      isPrefix: isPrefix(cut),
      headNodes: cut.head.size,
      tailNodes: wholeNodes - cut.head.size,
      headMs: round(head.ms),
      tailMs: round(tail.ms),
      timed: true,
      bytesUp: cut.bytesUp,
      bytesDown: cut.bytesDown,
      floatBytes: float32.reduce((sum, numBytes) => sum + numBytes, 0),
      sendsInput: sendsInput(cut, model),
      headFlops: cut.headFlops,
      tailFlops: cut.tailFlops,
    };
  });
  return {
    format: 'cutpoint.profile.v1',
    network: name,
    trained: false,
    machine,
    date,
    ...(refines !== undefined && { refines }),
    browser,
    head: { provider: 'wasm', threads: 1 },
    tail: { provider: 'cpu', threads: 1 },
    cuts,
    wholeNodes,
    input: rounded(input),
    codecs: rounded(codecs),
    timings: timed.map(({ cut, head, tail }) => ({
      id: cut.id,
      headRuns: head.runs,
      tailRuns: tail.runs,
      headSpread: round(head.spread),
      tailSpread: round(tail.spread),
    })),
  };
}

/** One line for each list of numbers, as the project's formatter writes it. */
export function fileText(content: ProfileContent): string {
  const text = JSON.stringify(content, undefined, 2);
  return `${text.replace(/\[\s+([^[\]{}]*?)\s+\]/g, (_, items: string) => `[${items.replace(/\s+/g, ' ')}]`)}\n`;
}

const CHANGES_LITTLE = new Set(['Cast', 'Resize', 'Upsample']);

function sendsInput({ head, crossing }: CutDescription, model: Model): boolean {
  const nodes = model.graph?.node ?? [];
  return crossing.length > 0 && [...head].every((node) => CHANGES_LITTLE.has(nodes[node]?.opType ?? ''));
}

function rounded<T extends object>(values: T): T {
  const entries = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === 'number' ? round(value) : value,
  ]);
  // The cast: the same names, and numbers stay numbers.
  return Object.fromEntries(entries) as T;
}
