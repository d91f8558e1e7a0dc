/** Its own prefix, beside `CUTPOINT_…`: Kubernetes sets `<SERVICE>_PORT` for every service that it knows of. */
export const ENVIRONMENT_PREFIX = 'CUTPOINT_SERVE_';

/** `maxQueue` as `max-queue`. */
export function flagOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `maxQueue` as `CUTPOINT_SERVE_MAX_QUEUE`. */
export function variableOf(key: string): string {
  return ENVIRONMENT_PREFIX + flagOf(key).replaceAll('-', '_').toUpperCase();
}

/** The name that was probably meant. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const ranked = names.map((name) => ({ name, distance: editDistance(word, name) }));
  return ranked.sort((a, b) => a.distance - b.distance)[0]?.name;
}

/** Insertions, deletions, replacements and swaps of neighbours between two words (Damerau, optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j += 1) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          at(i - 1, j) + 1,
          at(i, j - 1) + 1,
          at(i - 1, j - 1) + (isSame ? 0 : 1),
          isSwap ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
  }
  return at(a.length, b.length);
}
