import { indexOf } from './graph-index.js';
import type { Model } from './model.js';
import { intAttribute } from './proto.js';

/** What runtimes fuse into the product that it follows. */
const FUSABLE = new Set(['Relu', 'LeakyRelu', 'Sigmoid', 'Tanh', 'Clip', 'HardSigmoid', 'Add']);
const PRODUCTS = new Set(['Conv', 'Gemm', 'MatMul']);

/**
 * What a node's run time depends on beside FLOPs and bytes, for predictors that have one formula per kind. Mostly the
 * operator. Convolutions by how they are computed: `Conv 1x1` (one matrix product), `Conv depthwise` (few products per
 * byte), `Conv`. What runtimes fuse into the product before it is of a kind of its own, `Relu after Conv`, which costs
 * nothing where they do: a cost per node stays additive that way.
 *
 * @returns one kind per node, in the model's node order
 */
export function operatorKinds(model: Model): readonly string[] {
  const index = indexOf(model);
  const isReadOnce = (name: string): boolean => index.readers.get(name)?.length === 1 && !index.outputs.has(name);

  const productBefore = (reader: number): string | undefined => {
    for (const name of index.nodes[reader]?.input ?? []) {
      const from = index.producer.get(name);
      const node = from === undefined ? undefined : index.nodes[from];
      if (from === undefined || node === undefined || !isReadOnce(name)) continue;
      if (PRODUCTS.has(node.opType)) return node.opType;
      // Conv, Add, Relu: both go.
      const product = node.opType === 'Add' && index.nodes[reader]?.opType !== 'Add' ? productBefore(from) : undefined;
      if (product !== undefined) return `${product}, Add`;
    }
    return undefined;
  };

  return index.nodes.map((node, i) => {
    if (node.opType === 'Conv') {
      const weight = index.initializers.get(node.input[1] ?? '');
      const [, perGroup = 0, ...kernel] = weight?.dims.map(Number) ?? [];
      if (Number(intAttribute(node, 'group') ?? 1) > 1 && perGroup === 1) return 'Conv depthwise';
      return kernel.length > 0 && kernel.every((side) => side === 1) ? 'Conv 1x1' : 'Conv';
    }
    const product = FUSABLE.has(node.opType) ? productBefore(i) : undefined;
    return product === undefined ? node.opType : `${node.opType} after ${product}`;
  });
}
