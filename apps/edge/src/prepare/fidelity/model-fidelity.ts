import type { OnnxRuntime, RgbPicture } from '@cutpoint/onnx';
import type { BuiltCut, BuiltVariant } from '../build-variant.js';
import type { PrepareRequest } from '../prepared.js';
import { calibrationFiles } from './calibration-files.js';
import { readPictures } from './calibration-pictures.js';
import { type VariantFidelity, variantFidelity } from './variant-fidelity.js';

export interface ModelFidelityOptions {
  readonly request: PrepareRequest;
  readonly runtime: OnnxRuntime;
  readonly numVariants: number;
  /** For all variants together. */
  readonly budgetMs: number;
}

/** Of the time for all variants; the others lean on what the first one's figures are. */
const SHARE_OF_FIRST = 0.5;

/** What codecs cost in the variants of one model, one after another. */
export class ModelFidelity {
  readonly #options: ModelFidelityOptions;
  readonly #pictures: readonly RgbPicture[];
  /** By number of nodes: sizes of one kind have the same nodes, and the first of them is measured most closely. */
  readonly #measured = new Map<number, VariantFidelity['measured']>();
  #isFirst = true;

  private constructor(options: ModelFidelityOptions, pictures: readonly RgbPicture[]) {
    this.#options = options;
    this.#pictures = pictures;
  }

  /**
   * @returns `undefined` for a network with random weights: what it answers means nothing, and neither does how easily it changes
   * @throws ModelError `bad_config` for a calibration picture that cannot be read
   */
  static async begin(options: ModelFidelityOptions): Promise<ModelFidelity | undefined> {
    const { config, calibration } = options.request;
    if ('network' in config.source) return undefined;
    return new ModelFidelity(options, await readPictures(await calibrationFiles(calibration)));
  }

  /** @param cuts in the order of their work */
  async measure(
    variant: BuiltVariant,
    cuts: readonly BuiltCut[],
    isTimed: (cut: BuiltCut) => boolean,
  ): Promise<VariantFidelity | undefined> {
    const { runtime, request, budgetMs } = this.#options;
    const numNodes = variant.analysis.nodes.length;
    const sibling = this.#measured.get(numNodes);
    const stage = `trying codecs on ${variant.planned.id}`;
    const fidelity = await variantFidelity(cuts, variant, {
      runtime,
      config: request.config,
      pictures: this.#pictures,
      budgetMs: budgetMs * this.#share(),
      isTimed,
      ...(sibling && { sibling }),
      onMeasured: (done, total) => request.onProgress?.({ stage, done, total }),
    });
    if (fidelity !== undefined && sibling === undefined) this.#measured.set(numNodes, fidelity.measured);
    this.#isFirst = false;
    return fidelity;
  }

  #share(): number {
    const { numVariants } = this.#options;
    if (numVariants === 1) return 1;
    return this.#isFirst ? SHARE_OF_FIRST : (1 - SHARE_OF_FIRST) / (numVariants - 1);
  }
}
