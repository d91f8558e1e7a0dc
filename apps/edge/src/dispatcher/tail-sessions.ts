import { readFile } from 'node:fs/promises';
import { env, type InferenceSession } from 'onnxruntime-node';
import { createSession } from '../ort/runtime.js';
import { sessionBytes, WEIGHT_OPTIONS, type Weights } from '../ort/weights.js';
import type { OpenTails, Provider, ProviderFallback } from './dispatcher.js';
import { type CachedSession, type CacheLimits, SessionCache } from './session-cache.js';

export interface TailSessionOptions extends CacheLimits {
  /** onnxruntime's threads within one tail. */
  readonly threads: number;
  /** Where tails are to run, the best first. After the last comes the CPU in any case. */
  readonly providers: readonly Provider[];
}

export interface OpenTail extends CachedSession {
  readonly session: InferenceSession;
  readonly provider: Provider;
}

/** A tail that is open, and what it took to open it. */
export interface Opened {
  readonly tail: OpenTail;
  readonly isNew: boolean;
  /** Keys of the sessions that had to go. */
  readonly released: readonly string[];
  readonly fallbacks: readonly ProviderFallback[];
}

/** Errors only: warnings about graphs that we wrote ourselves are noise. */
const QUIET = 3;
/** Nothing at all: what fails is tried elsewhere, and told once. */
const SILENT = 4;

/** So many tails in a row that a provider fails, and it is not there at all. */
const FAILURES_OF_ABSENCE = 3;

// What the library itself says of a provider that is not there, past all sessions.
env.logLevel = 'fatal';

/** The tails that one worker has open. */
export class TailSessions {
  readonly #options: TailSessionOptions;
  readonly #cache: SessionCache<OpenTail>;
  /** Providers that failed, by the tail that they failed for: another tail may be to their liking. */
  readonly #failed = new Map<string, Set<Provider>>();
  readonly #failuresInARow = new Map<Provider, number>();

  constructor(options: TailSessionOptions) {
    this.#options = options;
    this.#cache = new SessionCache(options);
  }

  get held(): OpenTails {
    return { count: this.#cache.size, numBytes: this.#cache.heldBytes };
  }

  /** @throws whatever onnxruntime says when not even the CPU can run it */
  async open(graphFile: string, weights: Weights): Promise<Opened> {
    const known = this.#cache.get(graphFile);
    if (known !== undefined) return { tail: known, isNew: false, released: [], fallbacks: [] };
    const numBytes = sessionBytes(await readFile(graphFile), weights);
    const released = await this.#cache.makeRoom(numBytes);
    const fallbacks: ProviderFallback[] = [];
    for (const provider of this.#providersFor(graphFile)) {
      try {
        const session = await this.#create(graphFile, weights, provider);
        const tail: OpenTail = { session, provider, numBytes, release: () => session.release() };
        this.#cache.add(graphFile, tail);
        this.#failuresInARow.delete(provider);
        return { tail, isNew: true, released, fallbacks };
      } catch (error) {
        if (provider === 'cpu') throw error;
        fallbacks.push(this.#failure(graphFile, provider, error));
      }
    }
    throw new Error('no execution provider is left');
  }

  /**
   * Runs a tail that is open, on the CPU when its provider cannot. A provider has failed only when the CPU then does it:
   * what nothing can run, an index out of range say, is the doing of whoever sent it.
   * @returns also how the tail is open from now on
   * @throws what the provider said, when the CPU cannot either
   */
  async run<T>(
    graphFile: string,
    weights: Weights,
    opened: Opened,
    run: (session: InferenceSession) => Promise<T>,
  ): Promise<{ readonly result: T; readonly opened: Opened }> {
    const { session, provider, numBytes } = opened.tail;
    try {
      return { result: await run(session), opened };
    } catch (error) {
      if (provider === 'cpu') throw error;
      const others = (await this.#cache.makeRoom(numBytes)).filter((key) => key !== graphFile);
      const onCpu = await this.#create(graphFile, weights, 'cpu');
      const result = await run(onCpu).catch(async () => {
        await onCpu.release();
        throw error;
      });
      await this.#cache.drop(graphFile);
      const tail: OpenTail = { session: onCpu, provider: 'cpu', numBytes, release: () => onCpu.release() };
      this.#cache.add(graphFile, tail);
      const fallbacks = [...opened.fallbacks, this.#failure(graphFile, provider, error)];
      return { result, opened: { tail, isNew: true, released: [...opened.released, ...others], fallbacks } };
    }
  }

  /** Lets go of tails that are not to run any more. @returns those that were open */
  async release(graphFiles: readonly string[]): Promise<readonly string[]> {
    const released: string[] = [];
    for (const graphFile of graphFiles) {
      this.#failed.delete(graphFile);
      if (await this.#cache.drop(graphFile)) released.push(graphFile);
    }
    return released;
  }

  #providersFor(graphFile: string): readonly Provider[] {
    const failed = this.#failed.get(graphFile);
    const isThere = (provider: Provider) => (this.#failuresInARow.get(provider) ?? 0) < FAILURES_OF_ABSENCE;
    return [...new Set([...this.#options.providers, 'cpu' as const])].filter(
      (provider) => !failed?.has(provider) && isThere(provider),
    );
  }

  #failure(graphFile: string, provider: Provider, error: unknown): ProviderFallback {
    this.#failed.set(graphFile, (this.#failed.get(graphFile) ?? new Set()).add(provider));
    this.#failuresInARow.set(provider, (this.#failuresInARow.get(provider) ?? 0) + 1);
    return { provider, reason: error instanceof Error ? error.message : String(error) };
  }

  async #create(graphFile: string, weights: Weights, provider: Provider): Promise<InferenceSession> {
    return await createSession(graphFile, {
      // As tails are opened when they are profiled, so that k is about load and nothing else.
      ...WEIGHT_OPTIONS[weights],
      executionProviders: [provider],
      logSeverityLevel: provider === 'cpu' ? QUIET : SILENT,
      intraOpNumThreads: this.#options.threads,
    });
  }
}
