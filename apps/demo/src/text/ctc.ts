/** Class 0 of a CTC network says "nothing new here". */
const BLANK = 0;

export interface ReadLine {
  readonly text: string;
  /** Mean probability of the characters that were kept, 0..1; 0 for an empty line. */
  readonly score: number;
}

/**
 * The text that the best class of each time step spells: repeats are one character, blanks part them (Graves et al.,
 * ICML 2006).
 */
export function decodeCtc(indices: ArrayLike<number>, values: ArrayLike<number>, labels: readonly string[]): ReadLine {
  let text = '';
  let [sum, count] = [0, 0];
  for (let step = 0; step < indices.length; step++) {
    const index = indices[step];
    if (index === undefined || index === BLANK || index === indices[step - 1]) continue;
    text += labels[index] ?? '\uFFFD';
    sum += values[step] ?? 0;
    count++;
  }
  return { text, score: count === 0 ? 0 : sum / count };
}
