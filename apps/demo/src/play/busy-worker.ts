/** Computes without a pause until it is terminated, over more numbers than a core's cache holds. */
const numbers = new Float64Array(512 * 1024).fill(1);
for (let round = 0; ; round += 1) {
  for (let index = 0; index < numbers.length; index += 1)
    numbers[index] = (numbers[index] ?? 0) * 1.000_001 + round * 1e-9;
}
