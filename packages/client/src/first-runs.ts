import type { Codec } from '@cutpoint/partition';
import {
  type EncodedTensor,
  gather,
  type Manifest,
  rawTensor,
  type TensorInfo,
  type Variant,
} from '@cutpoint/protocol';
import type { Tensor } from 'onnxruntime-common';
import { compressCanvas } from './codec/picture.js';
import type { Undertaking } from './deadline.js';
import type { EdgeAccess } from './edge-access.js';
import { CutpointError, throwIfAborted } from './errors.js';
import { type DecodedImage, drawImage, pixelsOf } from './image/pixels.js';
import { servedSize } from './image/served-size.js';
import { loadScript } from './load-script.js';
import { variantsOf } from './manifest-variants.js';
import type { Placement } from './session.js';
import { matchFeeds, type TensorLike, tensorOf } from './tensors.js';
import type { TailReply } from './transport/requests.js';

/** The cut before the first layer: everything is the tail. */
export const OFFLOAD = 0;

/** An inference that the edge ran as a whole. */
export interface FirstRun {
  readonly variant: Variant;
  readonly outputs: Record<string, Tensor>;
  readonly codec: Codec;
  readonly resizeMs: number;
  readonly encodeMs: number;
  readonly bytesUp: number;
  readonly reply: TailReply;
  /** Whose reply that is. */
  readonly edgeUrl: string;
  readonly endedAtMs: number;
}

interface Sent {
  readonly tensor: EncodedTensor;
  readonly codec: Codec;
}

/**
 * Inferences before what decides is loaded, which nothing can be decided for yet: no head is there and no transfer was
 * measured. Each is sent to the edge as it is, a picture as a JPEG. It is tried once; whatever the edge fails is left to
 * whoever can do more about it.
 */
export class FirstRuns {
  readonly #access: EdgeAccess;
  /** Those that ended, for whoever learns of them. */
  readonly ended: FirstRun[] = [];

  constructor(access: EdgeAccess) {
    this.#access = access;
  }

  /**
   * @returns `undefined` when the edge did not do it
   * @throws CutpointError `bad_feeds`, `shape_not_served`, `aborted`
   */
  async tensors(
    manifest: Manifest,
    feeds: Readonly<Record<string, TensorLike>>,
    undertaking: Undertaking,
  ): Promise<FirstRun | undefined> {
    const matched = matchFeeds(feeds, variantsOf(manifest, 'tensors'));
    const tensors = matched.feeds.map(({ bytes, ...info }) => rawTensor({ ...info, data: bytes }));
    if (!(await this.#isReached(undertaking))) return undefined;
    const facts = { codec: 'f32', resizeMs: 0, encodeMs: 0 } as const;
    return this.#ask(manifest.model, matched.variant, tensors, facts, undertaking);
  }

  /**
   * @returns `undefined` when the edge did not do it
   * @throws CutpointError `bad_image`, `no_image_input`, `aborted`
   */
  async picture(
    manifest: Manifest,
    picture: DecodedImage,
    undertaking: Undertaking,
  ): Promise<(FirstRun & { readonly placement: Placement }) | undefined> {
    const { clock, connection } = this.#access;
    const size = servedSize(manifest, picture);
    const drawn = await drawImage(picture, size);
    throwIfAborted(undertaking.signal);
    const drawnAtMs = clock.now();
    // While the connection is not there yet, perhaps; hardly any edge reads no JPEG. Text loses by it: see `defaultMaxAccuracyDrop`.
    const isText = manifest.task.type === 'text-recognition';
    const compressed = isText ? undefined : await compressCanvas(drawn.canvas, 'jpeg').catch(() => undefined);
    let encodeMs = clock.now() - drawnAtMs;
    if (!(await this.#isReached(undertaking))) return undefined;
    const info: TensorInfo = { name: size.input, type: 'uint8', dims: [size.height, size.width, 3] };
    let sent: Sent;
    if (compressed && connection.codecs.has('jpeg')) {
      sent = {
        tensor: { header: { ...info, codec: 'jpeg', numBytes: compressed.byteLength }, bytes: compressed },
        codec: 'jpeg',
      };
    } else {
      const readAtMs = clock.now();
      sent = { tensor: rawTensor({ ...info, data: pixelsOf(drawn) }), codec: 'f32' };
      encodeMs = clock.now() - readAtMs;
    }
    const facts = { codec: sent.codec, encodeMs, resizeMs: drawnAtMs - undertaking.startedAtMs };
    const run = await this.#ask(manifest.model, size.variant, [sent.tensor], facts, undertaking);
    return run && { ...run, placement: drawn.fitting.placement };
  }

  async #isReached({ signal }: Undertaking): Promise<boolean> {
    const isReached = await this.#access.connection.isReached(signal);
    throwIfAborted(signal);
    return isReached;
  }

  async #ask(
    model: string,
    variant: Variant,
    tensors: readonly EncodedTensor[],
    facts: Pick<FirstRun, 'codec' | 'resizeMs' | 'encodeMs'>,
    { endMs, signal, traceparent }: Undertaking,
  ): Promise<FirstRun | undefined> {
    const { clock, connection } = this.#access;
    const payload = gather(tensors);
    const edgeUrl = this.#access.baseUrl.href;
    try {
      const coming = connection.request({
        model,
        table: variant.table,
        cut: OFFLOAD,
        ...payload,
        signal,
        traceparent,
        deadlineMs: endMs === undefined ? undefined : Math.max(1, endMs - clock.now()),
      });
      // While the edge computes: before, it would have held up what makes the request.
      const [reply, { Tensor }] = await Promise.all([coming, loadScript(loadTensors())]);
      const outputs = Object.fromEntries(reply.tensors.map((tensor) => [tensor.header.name, tensorOf(Tensor, tensor)]));
      // Where an input is an output as well the edge sends it not back.
      if (variant.outputs.some(({ name }) => outputs[name] === undefined)) return undefined;
      const run = { ...facts, variant, outputs, bytesUp: payload.numBytes, reply, edgeUrl, endedAtMs: clock.now() };
      this.ended.push(run);
      return run;
    } catch (error) {
      if (signal.aborted || !(error instanceof CutpointError)) throw error;
      return undefined;
    }
  }
}

/** onnxruntime's own class of tensors. */
function loadTensors(): Promise<Pick<typeof import('onnxruntime-common'), 'Tensor'>> {
  return import('onnxruntime-common');
}
