import { decodeClassification, decodeText, type HasOutputs, type Manifest } from '@cutpoint/client';

/** What the model says, in words. */
export function answerOf(result: HasOutputs, manifest: Manifest): string {
  switch (manifest.task.type) {
    case 'classification': {
      const [best] = decodeClassification(result, manifest);
      return best ? `${best.label} (${Math.round(best.score * 100)} %)` : 'nothing';
    }
    case 'text-recognition':
      return decodeText(result, manifest).text || 'no text';
    default:
      return Object.entries(result.outputs)
        .map(([name, { dims }]) => `${name} [${dims.join(', ')}]`)
        .join(', ');
  }
}
