/** What runs of so many inputs take, divided by what one of one takes; sizes ascend, and each pays. One input is not listed. */
export type Slowdowns = readonly (readonly [size: number, slowdown: number])[];

/** A larger run has to take a tenth less for each request than the next smaller one: all in it wait for its end. */
const MOST_OF_SMALLER = 0.9;

/** Whether runs of this size pay, beside those that do. */
export function pays(slowdowns: Slowdowns, [size, slowdown]: Slowdowns[number]): boolean {
  const [largest, ofLargest] = slowdowns.at(-1) ?? [1, 1];
  return slowdown / size <= MOST_OF_SMALLER * (ofLargest / largest);
}

/** In a straight line between the sizes that were tried; as bad as single runs beyond. */
export function slowdownAt(slowdowns: Slowdowns, size: number): number {
  let [below, ofBelow] = [1, 1];
  for (const [above, ofAbove] of slowdowns) {
    if (size <= above) return ofBelow + ((ofAbove - ofBelow) * (size - below)) / (above - below);
    [below, ofBelow] = [above, ofAbove];
  }
  return ofBelow + (size - below);
}
