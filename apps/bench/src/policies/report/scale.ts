/** Maps values to places on an axis. */
export interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

export function linearScale([low, high]: readonly [number, number], [from, to]: readonly [number, number]): Scale {
  const span = high - low || 1;
  return {
    at: (value) => from + ((Math.min(high, Math.max(low, value)) - low) / span) * (to - from),
    ticks: niceTicks(low, high),
  };
}

/** @param low above 0 */
export function logScale([low, high]: readonly [number, number], [from, to]: readonly [number, number]): Scale {
  const span = Math.log(high / low) || 1;
  const ticks: number[] = [];
  for (let decade = 10 ** Math.floor(Math.log10(low)); decade <= high; decade *= 10) {
    for (const factor of [1, 2, 5]) {
      const tick = decade * factor;
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return {
    at: (value) => from + (Math.log(Math.min(high, Math.max(low, value)) / low) / span) * (to - from),
    ticks: ticks.length > 7 ? ticks.filter(isPowerOfTen) : ticks,
  };
}

function isPowerOfTen(value: number): boolean {
  const power = Math.log10(value);
  return Math.abs(power - Math.round(power)) < 1e-9;
}

/** Some five round numbers (1, 2 or 5 times a power of ten apart) within a range. */
function niceTicks(low: number, high: number): number[] {
  const rough = (high - low) / 5 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const ticks: number[] = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-9; tick += step)
    ticks.push(Number(tick.toPrecision(12)));
  return ticks;
}

export function formatTick(value: number): string {
  if (value === 0) return '0';
  return Math.abs(value) >= 1_000 ? `${Number((value / 1_000).toPrecision(3))}k` : String(Number(value.toPrecision(3)));
}
