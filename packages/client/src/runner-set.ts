import type { Plan, PolicyName } from '@cutpoint/partition';
import type { Manifest, Variant } from '@cutpoint/protocol';
import { withinLimit } from './arms.js';
import { fetchCutTable, fetchManifest } from './manifest.js';
import { type RunnerHost, VariantRunner } from './variant-runner.js';

/** What the runners need of their session. */
export interface RunnerSetHost extends Omit<RunnerHost, 'manifest' | 'onPlan'> {
  onPlan(variant: Variant, plan: Plan): void;
}

/** The runners of one model, a variant each, made when first asked for; and the manifest that they are made from. */
export class RunnerSet {
  /** The runner that plans are explained for. */
  lastUsed: VariantRunner | undefined;
  readonly #host: RunnerSetHost;
  readonly #asked = new Map<string, Promise<VariantRunner>>();
  readonly #made: VariantRunner[] = [];
  #manifest: Manifest;
  #policy: PolicyName;
  #forced: number | undefined;
  /** Under way; every run that met the old manifest waits for the same answer. */
  #reloading: Promise<void> | undefined;

  constructor(manifest: Manifest, policy: PolicyName, host: RunnerSetHost) {
    this.#manifest = manifest;
    this.#policy = policy;
    this.#host = host;
  }

  get manifest(): Manifest {
    return this.#manifest;
  }

  get(variant: Variant): Promise<VariantRunner> {
    const asked = this.#asked.get(variant.id);
    if (asked) return asked;
    const runner = this.#make(variant);
    this.#asked.set(variant.id, runner);
    // A table that could not be fetched is asked for again by the next run.
    runner.catch(() => {
      if (this.#asked.get(variant.id) === runner) this.#asked.delete(variant.id);
    });
    return runner;
  }

  setPolicy(policy: PolicyName): void {
    this.#policy = policy;
    for (const runner of this.#made) runner.controller.setPolicy(policy);
  }

  force(cut: number | undefined): void {
    this.#forced = cut;
    for (const runner of this.#made) runner.force(cut);
  }

  /** Reads the manifest again because `stale` is of an older one, once for all who found that out. */
  reload(stale: Variant): Promise<void> {
    if (!this.#manifest.variants.includes(stale)) return Promise.resolve();
    this.#reloading ??= this.#replaceManifest().finally(() => {
      this.#reloading = undefined;
    });
    return this.#reloading;
  }

  close(): void {
    for (const runner of this.#made.splice(0)) runner.close();
    this.#asked.clear();
    this.lastUsed = undefined;
    this.#host.edge.heads.releaseVariants(this.#manifest.variants);
  }

  async #replaceManifest(): Promise<void> {
    const { edge, life, onProgress } = this.#host;
    const manifest = await fetchManifest(edge.http, this.#manifest.model, onProgress, life);
    this.close();
    this.#manifest = manifest;
  }

  async #make(variant: Variant): Promise<VariantRunner> {
    const host = this.#host;
    const manifest = this.#manifest;
    const whole = await fetchCutTable(host.edge.http, variant.table, host.life);
    const table = withinLimit(whole, host.edge.connection.maxRequestBytes);
    const onPlan = (plan: Plan) => host.onPlan(variant, plan);
    const runner = new VariantRunner({ ...host, manifest, onPlan }, variant, table, this.#policy, this.#forced);
    this.#made.push(runner);
    this.lastUsed ??= runner;
    return runner;
  }
}
