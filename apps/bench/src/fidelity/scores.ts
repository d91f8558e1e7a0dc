/** How two answers of a classifier differ. */
export interface Difference {
  readonly answer: number;
  readonly isOtherAnswer: boolean;
  /** Root mean square error of the logits over the range of the unsplit network's. */
  readonly logitError: number;
}

/** The smallest number that f32 holds: of what is 0 there is no logarithm. */
const LEAST = 2 ** -149;

/**
 * Logits from probabilities, less their mean: a softmax forgets what is common to all.
 * @param probabilities of all classes
 */
export function logitsOf(probabilities: ArrayLike<number>): Float64Array {
  const logits = Float64Array.from(probabilities, (p) => Math.log(Math.max(p, LEAST)));
  const mean = logits.reduce((sum, value) => sum + value, 0) / logits.length;
  return logits.map((value) => value - mean);
}

export function differenceOf(reference: Float64Array, logits: Float64Array): Difference {
  const [best, answer, low] = [argmax(reference), argmax(logits), Math.min(...reference)];
  let sum = 0;
  for (let i = 0; i < reference.length; i++) sum += ((logits[i] ?? 0) - (reference[i] ?? 0)) ** 2;
  const range = (reference[best] ?? 0) - low;
  return { answer, isOtherAnswer: answer !== best, logitError: Math.sqrt(sum / reference.length) / range };
}

/** The position of the largest value. */
export function argmax(values: Float64Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return best;
}

/** What was seen of one way to send something, over all inputs. */
export class Tally {
  inputs = 0;
  changed = 0;
  /** Answers that are the class of the whole picture. */
  right = 0;
  #errorSum = 0;
  worstError = 0;
  #bytes = 0;
  #weighed = 0;

  /** @param truth the class of the whole picture */
  add({ answer, isOtherAnswer, logitError }: Difference, truth: number): void {
    this.inputs++;
    if (answer === truth) this.right++;
    if (isOtherAnswer) this.changed++;
    this.#errorSum += logitError;
    this.worstError = Math.max(this.worstError, logitError);
  }

  weigh(numBytes: number): void {
    this.#bytes += numBytes;
    this.#weighed++;
  }

  get meanError(): number {
    return this.#errorSum / this.inputs;
  }

  /** Mean of what was weighed. */
  get numBytes(): number {
    return this.#bytes / this.#weighed;
  }

  get share(): number {
    return this.changed / this.inputs;
  }
}
