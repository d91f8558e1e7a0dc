import type { Constraints, DecisionInput, Plan, PolicyName } from '@cutpoint/partition';
import type { CutTable, Manifest, Variant } from '@cutpoint/protocol';
import { armsOf, withinLimit } from './arms.js';
import { isPictureCodec } from './codec/picture.js';
import { fetchCutTable } from './cut-table.js';
import type { SharedEdge } from './edge.js';
import { GRACE_MS } from './edge-access.js';
import { CutpointError } from './errors.js';
import type { FirstRun } from './first-runs.js';
import { fetchManifest } from './manifest.js';
import { type ForcedArm, type RunnerHost, type RunnerOptions, VariantRunner } from './variant-runner.js';

/** A cut table that could not be fetched is asked for again after this. */
const TABLE_RETRY_MS = 250;

/** What the runners need of their session. */
export interface RunnerSetHost extends Omit<RunnerHost, 'manifest' | 'onPlan'> {
  readonly firstRuns: readonly FirstRun[];
  onPlan(variant: Variant, plan: Plan, input: DecisionInput | undefined): void;
}

/** The runners of one model, a variant each, made when first asked for; and the manifest that they are made from. */
export class RunnerSet {
  /** The runner that plans are explained for. */
  lastUsed: VariantRunner | undefined;
  readonly #host: RunnerSetHost;
  readonly #asked = new Map<string, Promise<VariantRunner>>();
  readonly #made: VariantRunner[] = [];
  #manifest: Manifest;
  #options: RunnerOptions;
  /** Under way; every run that met the old manifest waits for the same answer. */
  #reloading: Promise<void> | undefined;

  constructor(manifest: Manifest, options: RunnerOptions, host: RunnerSetHost) {
    this.#manifest = manifest;
    this.#options = options;
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
    this.#options = { ...this.#options, policy };
    for (const runner of this.#made) runner.controller.setPolicy(policy);
  }

  get constraints(): Constraints {
    return this.#options.constraints;
  }

  setConstraints(constraints: Constraints): void {
    this.#options = { ...this.#options, constraints };
    for (const runner of this.#made) runner.setConstraints(constraints);
  }

  force(forced: ForcedArm | undefined): void {
    this.#options = { ...this.#options, forced };
    for (const runner of this.#made) runner.force(forced);
  }

  /** What was learnt of heads was learnt elsewhere. */
  onOtherDevice(): void {
    const nowMs = this.#host.edge.clock.now();
    for (const runner of this.#made) runner.controller.forgetHeads(nowMs);
    this.lastUsed?.warmUp();
  }

  onOtherEdge(): void {
    for (const runner of this.#made) runner.onOtherEdge();
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
    for (const runner of this.#forget()) runner.close();
    this.#host.edge.heads.releaseVariants(this.#manifest.variants);
  }

  async #replaceManifest(): Promise<void> {
    const { edge, life, onProgress } = this.#host;
    const manifest = await fetchManifest(edge.http, this.#manifest.model, onProgress, life);
    const kept = new Set(manifest.variants.map(({ table }) => table));
    const gone = this.#manifest.variants.filter(({ table }) => !kept.has(table));
    const former = this.#forget();
    this.#manifest = manifest;
    // What runs by the old ones ends by them.
    void Promise.all(former.map(({ settled }) => settled)).then(() => {
      for (const runner of former) runner.close();
      edge.heads.releaseVariants(gone);
    });
  }

  #forget(): readonly VariantRunner[] {
    this.#asked.clear();
    this.lastUsed = undefined;
    return this.#made.splice(0);
  }

  async #make(variant: Variant): Promise<VariantRunner> {
    const host = this.#host;
    const manifest = this.#manifest;
    const [whole, known] = await Promise.all([
      tableOf(host.edge, variant, host.life),
      codecsOf(host.edge, variant, host.life),
    ]);
    const table = withinLimit(whole, host.edge.connection.maxRequestBytes);
    const arms = armsOf(table, variant, known);
    const onPlan: RunnerHost['onPlan'] = (plan, input) => host.onPlan(variant, plan, input);
    const options = this.#options;
    const runner = new VariantRunner({ host: { ...host, manifest, onPlan }, variant, table, arms, options });
    this.#made.push(runner);
    for (const run of host.firstRuns) if (run.variant === variant) runner.learnFrom(run);
    this.lastUsed ??= runner;
    return runner;
  }
}

/** Asked for once more when an edge is there again: an inference waits for it. */
async function tableOf(
  { http, connection, clock }: SharedEdge,
  { table }: Variant,
  life: AbortSignal,
): Promise<CutTable> {
  try {
    return await fetchCutTable(http, table, life);
  } catch (error) {
    if (!(error instanceof CutpointError) || error.code !== 'edge_unreachable') throw error;
    // It may be refused over HTTP before the end of its socket is noticed.
    await new Promise<void>((resolve) => clock.after(TABLE_RETRY_MS, resolve));
    await connection.whenOnline(GRACE_MS, life);
    return fetchCutTable(http, table, life);
  }
}

/** What the edge reads, as it says when it is there, and this browser writes. */
async function codecsOf({ connection, pictures }: SharedEdge, { image }: Variant, life: AbortSignal) {
  const [written] = await Promise.all([
    image ? pictures.codecs() : new Set<string>(),
    // What it said last holds while it is away: then inferences finish here.
    connection.wasOnline || connection.whenOnline(undefined, life),
  ]);
  return new Set([...connection.codecs].filter((codec) => written.has(codec) || !isPictureCodec(codec)));
}
