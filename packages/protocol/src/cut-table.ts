import { ProtocolError } from './errors.js';
import { calibrationSchema, fidelitySchema } from './fidelity.js';
import { tensorInfoSchema } from './manifest.js';
import { check } from './parse.js';
import {
  count,
  flag,
  list,
  nullable,
  type Output,
  object,
  oneOf,
  optional,
  quantity,
  sha256Schema,
  text,
} from './schema.js';

export const cutSchema = object({
  id: count,
  /** Number of nodes in the head. */
  headNodes: count,
  /** Indexes into {@link CutTable.tensors}: what is sent up. Empty for the local cut. */
  crossing: list(count),
  /** Names of the graph outputs that the head already produces; they stay on the device. */
  headOutputs: list(text),
  /** Names of the graph outputs that the tail produces; they come back. */
  tailOutputs: list(text),
  /** sha256 of the graph-only models at `/v1/graphs/:sha256`; `null` for an empty head or tail. */
  headGraph: nullable(sha256Schema),
  tailGraph: nullable(sha256Schema),
  /** Indexes into `packs` of the manifest that the head needs. */
  headPacks: list(count),
  /** Raw bytes of the crossing tensors, and of the outputs that come back. */
  bytesUp: count,
  bytesDown: count,
  headFlops: quantity,
  /** Run time of head and tail on the edge that prepared the model, in ms; see {@link CutTable.profile}. */
  headMs: quantity,
  tailMs: quantity,
  /** `false`: interpolated between timed neighbours along FLOPs, not timed itself. */
  timed: flag,
  /** What the codecs that lose something cost here; see {@link CutTable.calibration}. Absent: nothing is known. */
  fidelity: optional(list(fidelitySchema)),
});
/**
 * A cut that can be run. `id` 0..n are the prefix cuts of the stored topological order (the head is the first `id`
 * nodes; 0 is full offload, n is local); proposed cuts follow with ids above n. Equal cuts are merged, so ids may
 * have gaps.
 * @useDeclaredType
 */
export type Cut = Output<typeof cutSchema>;

export const cutTableSchema = object({
  format: oneOf(['cutpoint.cuts.v1']),
  model: text,
  variant: text,
  /** Tensors that cross at some cut. */
  tensors: list(tensorInfoSchema),
  /** The nodes in stored topological order: kind, name, and floating-point operations. */
  nodes: list(object({ opType: text, name: text, flops: quantity })),
  cuts: list(cutSchema),
  /** Where `headMs` and `tailMs` were measured. */
  profile: object({ machine: text, provider: text, threads: count }),
  /** How {@link Cut.fidelity} was measured. */
  calibration: optional(calibrationSchema),
});
/** The cuts of one variant, and what crosses at each. @useDeclaredType */
export type CutTable = Output<typeof cutTableSchema>;

/** Reads a cut table, and checks that its indexes point at tensors that are there. */
export function parseCutTable(value: unknown): CutTable | ProtocolError {
  const table = check(cutTableSchema, value);
  if (table instanceof ProtocolError) return table;
  const seen = new Set<number>();
  for (const cut of table.cuts) {
    const stray = cut.crossing.find((index) => index >= table.tensors.length);
    if (stray !== undefined) {
      return new ProtocolError(
        'bad_message',
        `cut ${cut.id} names tensor ${stray}; the table has ${table.tensors.length} tensors`,
      );
    }
    if (seen.has(cut.id)) return new ProtocolError('bad_message', `cut ${cut.id} is there twice`);
    seen.add(cut.id);
  }
  return table;
}
