/** Numbers as the page shows them: few digits, a unit, and a width that does not jump. */

export function formatMs(ms: number): string {
  if (ms >= 9_995) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 100) return `${Math.round(ms)} ms`;
  return `${ms.toFixed(1)} ms`;
}

export function formatBytes(bytes: number): string {
  if (bytes >= 999_500) return `${(bytes / 1e6).toFixed(1)} MB`;
  if (bytes >= 99_950) return `${Math.round(bytes / 1e3)} KB`;
  if (bytes >= 1000) return `${(bytes / 1e3).toFixed(1)} KB`;
  return `${bytes} B`;
}

/** 1 byte a ms is 8 kbit/s. */
export function mbitPerSecond(bytesPerMs: number): number {
  return (bytesPerMs * 8) / 1000;
}

function bytesPerMs(mbit: number): number {
  return (mbit * 1000) / 8;
}

/** The same rate each way, as a link's shape has it. */
export function rateOf(mbit: number): { readonly uplinkBytesPerMs: number; readonly downlinkBytesPerMs: number } {
  return { uplinkBytesPerMs: bytesPerMs(mbit), downlinkBytesPerMs: bytesPerMs(mbit) };
}

export function formatRate(rateBytesPerMs: number): string {
  const mbit = mbitPerSecond(rateBytesPerMs);
  return `${mbit >= 100 ? Math.round(mbit) : mbit.toFixed(1)} Mbit/s`;
}

export function formatPercent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** What a codec costs in accuracy, a share of one: a little is never shown as nothing. */
export function formatDrop(share: number): string {
  if (share === 0) return 'nothing';
  return share < 0.001 ? 'less than 0.1 %' : `${(share * 100).toFixed(1)} %`;
}

/** A share of one, as a certainty: never rounded up to 100 %. */
export function formatScore(score: number): string {
  return `${(Math.floor(score * 1000) / 10).toFixed(1)} %`;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
