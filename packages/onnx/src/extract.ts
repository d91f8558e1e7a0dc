import type { ValueInfoProto } from 'onnx-buf';
import type { Analysis } from './analyse.js';
import { withUsedOpsets } from './clean.js';
import { assertClosed, boundaryOf } from './cuts.js';
import { OnnxError } from './errors.js';
import { type GraphIndex, indexOf } from './graph-index.js';
import type { Model } from './model.js';
import { valueInfo, withFields } from './proto.js';

/** Head and tail; `null` for one that has nothing to give. Each is a whole model whose weights are where the model's are. */
export interface Parts {
  readonly head: Model | null;
  readonly tail: Model | null;
}

/**
 * Cuts a model in two. The tail's inputs are the crossing tensors; the head's outputs are those it must send and the
 * graph outputs that it already has. When the head is empty the tail has every output, also those that are inputs or
 * initialisers.
 *
 * @throws OnnxError `not_closed`, `non_tensor_crossing`
 */
export function extract(model: Model, analysis: Analysis, head: ReadonlySet<number>): Parts {
  const index = indexOf(model);
  assertClosed(index, head);
  const { crossing, headOutputs, tailOutputs } = boundaryOf(index, head);
  for (const name of crossing) {
    const reason = analysis.others.get(name);
    if (reason !== undefined) throw new OnnxError('non_tensor_crossing', `"${name}" cannot cross: it is ${reason}.`);
  }
  // A graph output that also crosses is declared once, and the page has the graph's inputs already.
  const sent = crossing.filter((name) => index.producer.has(name) && !index.outputs.has(name));
  return {
    head: part(model, index, analysis, (i) => head.has(i), [...headOutputs, ...sent], 'head'),
    tail: part(model, index, analysis, (i) => !head.has(i), tailOutputs, 'tail'),
  };
}

/** The model of some of the nodes: they read what they read in the whole graph, and what nobody among them writes is an input. */
function part(
  model: Model,
  index: GraphIndex,
  analysis: Analysis,
  belongs: (node: number) => boolean,
  outputs: readonly string[],
  side: 'head' | 'tail',
): Model | null {
  if (outputs.length === 0) return null;
  const { graph } = index;
  const node = graph.node.filter((_, i) => belongs(i));
  const written = new Set(node.flatMap(({ output }) => output));
  const used = new Set<string>(outputs);
  for (const [i, names] of index.reads.entries()) if (belongs(i)) for (const name of names) used.add(name);
  const outside = [...index.inputs, ...index.producer.keys()].filter((name) => used.has(name) && !written.has(name));
  const originals = new Map([...graph.input, ...graph.output].map((value) => [value.name, value]));
  const declare = (name: string): ValueInfoProto => declaration(name, analysis, originals);
  return withUsedOpsets(
    withFields(model, {
      docString: '',
      metadataProps: [],
      graph: withFields(graph, {
        name: side,
        docString: '',
        node,
        input: outside.map(declare),
        output: outputs.map(declare),
        initializer: graph.initializer.filter(({ name }) => used.has(name)),
        sparseInitializer: graph.sparseInitializer.filter(({ values }) => values && used.has(values.name)),
        valueInfo: [],
        quantizationAnnotation: [],
        metadataProps: [],
      }),
    }),
  );
}

/** What depends on the data stays open, whatever the run of the analysis gave. */
function declaration(
  name: string,
  { tensors }: Analysis,
  originals: ReadonlyMap<string, ValueInfoProto>,
): ValueInfoProto {
  const tensor = tensors.get(name);
  if (!tensor) return originals.get(name) ?? valueInfo(name);
  return valueInfo(
    name,
    tensor.type,
    tensor.dims.map((dim) => (tensor.dynamic ? null : dim)),
  );
}
