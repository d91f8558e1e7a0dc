import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Cut,
  type CutTable,
  type Manifest,
  ProtocolError,
  parseCutTable,
  parseManifest,
} from '@cutpoint/protocol';

/** What an edge says of one variant of a model. */
export interface VariantDocuments {
  readonly manifest: Manifest;
  readonly variant: Manifest['variants'][number];
  readonly table: CutTable;
}

/** @throws Error when the model is not ready, or has no variant of the kind */
export async function fetchVariant(
  edgeUrl: string,
  model: string,
  kind: 'tensors' | 'pixels',
): Promise<VariantDocuments> {
  const manifest = sound(parseManifest(await fetchJson(`${edgeUrl}/v1/models/${model}/manifest`)));
  const variant = manifest.variants.find((candidate) => candidate.kind === kind);
  if (!variant) throw new Error(`${model} has no variant of ${kind}`);
  return { manifest, variant, table: sound(parseCutTable(await fetchJson(`${edgeUrl}/v1/tables/${variant.table}`))) };
}

/**
 * The tail of a cut as the edge runs it, with the packs that it names beside it.
 * @param dir made for it
 * @returns the file of its graph
 */
export async function fetchTail(edgeUrl: string, manifest: Manifest, cut: Cut, dir: string): Promise<string> {
  await mkdir(dir);
  for (const { sha256 } of manifest.packs) {
    await writeFile(join(dir, sha256), await fetchBytes(`${edgeUrl}/v1/packs/${sha256}`));
  }
  const file = join(dir, 'tail.onnx');
  await writeFile(file, await fetchBytes(`${edgeUrl}/v1/graphs/${cut.tailGraph}`));
  return file;
}

async function fetchJson(url: string): Promise<unknown> {
  return (await fetchOk(url)).json();
}

async function fetchBytes(url: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetchOk(url)).arrayBuffer());
}

async function fetchOk(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response;
}

function sound<T>(parsed: T | ProtocolError): T {
  if (parsed instanceof ProtocolError) throw parsed;
  return parsed;
}
