/**
 * Whether one more may wait, so that whoever has many there leaves room for others: an owner has at most about as many places as
 * are free, and the narrower owners in it share likewise what it may still take. Whoever is alone gets about half; who has none
 * waiting gets the last place. Threshold by what is free: Choudhury and Hahne, "Dynamic queue length thresholds for
 * shared-memory packet switches", IEEE/ACM Transactions on Networking 6(2), 1998.
 *
 * @param free places
 * @param waiting of its owners, the widest first
 */
export function mayWait(free: number, waiting: readonly number[]): boolean {
  let left = free;
  for (const count of waiting) {
    if (left < 1 || count > left) return false;
    // Each place that it takes is one more of its own and one less that is free.
    left = Math.floor((left - count) / 2) + 1;
  }
  return true;
}
