import type { Task } from '@cutpoint/client';

/** What the samples of the documentation name, and what they do with the result. */
const DOCS_EDGE = 'https://edge.example';
const DOCS_MODEL = 'ppocr-rec';
const DOCS_MEANING = 'decodeText(result, session.manifest).text';

export interface EmbedTarget {
  readonly edge: string;
  readonly model: string;
  readonly task: Task['type'];
}

/** A sample of the documentation with another edge and model, and what that model's answers mean. */
export function fill(source: string, { edge, model, task }: EmbedTarget): string {
  return withMeaning(source, task).replaceAll(DOCS_EDGE, edge).replaceAll(DOCS_MODEL, model);
}

function withMeaning(source: string, task: Task['type']): string {
  switch (task) {
    case 'text-recognition':
      return source;
    case 'classification':
      return source
        .replaceAll(DOCS_MEANING, "decodeClassification(result, session.manifest)[0]?.label ?? ''")
        .replaceAll('decodeText', 'decodeClassification');
    // Where text is, or what nobody has described: an app has its own use for the tensors.
    case 'text-detection':
    case 'tensors':
      return source
        .replaceAll(DOCS_MEANING, "Object.keys(result.outputs).join(', ')")
        .replaceAll(', decodeText }', ' }')
        .replaceAll(/^import \{ decodeText \}.*\n/gm, '');
  }
}
