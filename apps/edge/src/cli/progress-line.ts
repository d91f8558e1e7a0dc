import type { DownloadProgress } from '../models/download.js';

const BAR_CELLS = 24;

/** `downloading [######..................]  25 %  1.2 of 4.9 MB`; without a known total only what arrived. */
export function progressLine(what: string, { loadedBytes, totalBytes }: DownloadProgress): string {
  if (totalBytes === undefined || totalBytes === 0) return `${what} ${megabytes(loadedBytes)} MB`;
  const share = Math.min(1, loadedBytes / totalBytes);
  const done = Math.floor(share * BAR_CELLS);
  const bar = '#'.repeat(done) + '.'.repeat(BAR_CELLS - done);
  const percent = String(Math.floor(share * 100)).padStart(3);
  return `${what} [${bar}] ${percent} %  ${megabytes(loadedBytes)} of ${megabytes(totalBytes)} MB`;
}

function megabytes(numBytes: number): string {
  return (numBytes / 1e6).toFixed(1);
}
