import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const COMPRESSIBLE = /\.(wasm|m?js|css|html|svg)$/;
/** Smaller files fit in a packet or two either way. */
const LEAST_BYTES = 1400;

/**
 * Vite plugin: puts a `.gz` beside what compresses, once, so that the edge sends onnxruntime's wasm at a quarter of its
 * size without compressing on every visit.
 * @returns {import('vite').Plugin}
 */
export function precompress() {
  return {
    name: 'cutpoint-precompress',
    apply: 'build',
    async writeBundle({ dir }) {
      if (dir === undefined) return;
      const entries = await readdir(dir, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile() && COMPRESSIBLE.test(entry.name));
      await Promise.all(files.map((entry) => compress(join(entry.parentPath, entry.name))));
    },
  };
}

async function compress(path) {
  const bytes = await readFile(path);
  if (bytes.length >= LEAST_BYTES) await writeFile(`${path}.gz`, await promisify(gzip)(bytes));
}
