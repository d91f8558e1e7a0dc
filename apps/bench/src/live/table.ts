import type { Standing } from './summary.js';

/** One cell's table: a line per contestant, the fastest marked. */
export function cellTable(standings: readonly Standing[]): string[] {
  const fastest = Math.min(...standings.map(({ meanMs }) => meanMs).filter(Number.isFinite));
  const header = line('', 'mean ms', 'median', 'p95', 'predicted', 'error %', 'arms');
  return [header, ...standings.map((standing) => rowOf(standing, standing.meanMs === fastest))];
}

function rowOf(standing: Standing, isFastest: boolean): string {
  const { name, meanMs, medianMs, p95Ms, predictedMeanMs, predictionErrorPct, arms, lackedHeadPct } = standing;
  const figures = [meanMs, medianMs, p95Ms, predictedMeanMs, predictionErrorPct].map((value) => value.toFixed(1));
  const lacking = lackedHeadPct > 0 ? `, ${lackedHeadPct} % lacked a head` : '';
  return line(`${isFastest ? '*' : ' '} ${name}`, ...figures, `${listOf(arms)}${lacking}`);
}

function listOf(arms: Readonly<Record<string, number>>): string {
  const often = Object.entries(arms).sort(([, a], [, b]) => b - a);
  const shown = often.slice(0, 3).map(([arm, count]) => (often.length > 1 ? `${arm} x${count}` : arm));
  return `${shown.join(', ')}${often.length > 3 ? ', …' : ''}`;
}

function line(name: string, ...cells: readonly string[]): string {
  const last = cells.at(-1) ?? '';
  return `  ${name.padEnd(24)}${cells
    .slice(0, -1)
    .map((cell) => cell.padStart(10))
    .join('')}  ${last}`;
}
