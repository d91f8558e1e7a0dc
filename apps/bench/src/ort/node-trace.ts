import * as v from 'valibot';

/** One execution of one node of a session. */
export interface NodeEvent {
  /** As ONNX Runtime has it after its optimisation; fusions make names of their own. */
  readonly name: string;
  readonly opType: string;
  /** Of the node in the optimised graph. */
  readonly index: number;
  readonly durationMs: number;
  readonly inputs: readonly (readonly number[])[];
  readonly outputs: readonly (readonly number[])[];
}

const Shapes = v.array(v.record(v.string(), v.array(v.number())));
const KernelEvent = v.object({
  cat: v.literal('Node'),
  name: v.string(),
  dur: v.number(),
  args: v.object({
    op_name: v.string(),
    node_index: v.pipe(v.string(), v.transform(Number)),
    input_type_shape: Shapes,
    output_type_shape: Shapes,
  }),
});
const KERNEL = '_kernel_time';

/**
 * Kernel events of a Chrome trace as ONNX Runtime's profiler writes it, in the order of execution.
 *
 * @param text a JSON array; when the session ended early the closing bracket may be missing
 */
export function readNodeTrace(text: string): readonly NodeEvent[] {
  const trimmed = text.trim().replace(/,$/, '');
  const events: unknown = JSON.parse(trimmed.endsWith(']') ? trimmed : `${trimmed}]`);
  if (!Array.isArray(events)) throw new Error('The profile is not a list of events.');
  return events.flatMap((event: unknown): NodeEvent[] => {
    const parsed = v.safeParse(KernelEvent, event);
    if (!parsed.success || !parsed.output.name.endsWith(KERNEL)) return [];
    const { name, dur, args } = parsed.output;
    return [
      {
        name: name.slice(0, -KERNEL.length),
        opType: args.op_name,
        index: args.node_index,
        durationMs: dur / 1000,
        inputs: args.input_type_shape.flatMap((shape) => Object.values(shape)),
        outputs: args.output_type_shape.flatMap((shape) => Object.values(shape)),
      },
    ];
  });
}
