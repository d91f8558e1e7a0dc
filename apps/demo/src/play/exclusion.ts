import type { Arm, DecisionInput } from '@cutpoint/client';
import { formatDrop } from '../format.js';

/** Those that a decision was made under. */
export type Constraints = DecisionInput['constraints'];

/** Which of them excludes an arm: asked in the order in which the decision looks at them. */
export function exclusionOf(
  { cut, codec, usesEdge, sendsInput = false, accuracyDrop = 0 }: Arm,
  { keepInputOnDevice = false, codecs }: Constraints,
): string {
  if (keepInputOnDevice && usesEdge && (cut === 0 || sendsInput)) return 'excluded: the input would leave the page';
  if (codecs !== undefined && usesEdge && !codecs.includes(codec)) return 'excluded: another codec is asked for';
  return `excluded: may cost ${formatDrop(accuracyDrop)} of accuracy`;
}
