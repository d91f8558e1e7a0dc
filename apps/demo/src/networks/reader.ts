import {
  type ConnectOptions,
  connect,
  type ImageResult,
  type Progress,
  type Session,
  type SessionConstraints,
  type Trace,
} from '@cutpoint/client';
import { OCR } from '../page-state.js';
import type { Picture } from '../picture/picture.js';
import { EDGE_TOKEN } from '../token.js';
import type { Answer, Reading } from './answer.js';
import { classesOf } from './classify.js';
import { linesIn, readLines, wholePicture } from './ocr.js';
import { streamPictures } from './stream.js';

/**
 * Of a stream whose answers take a second network: while the lines of one frame are read the next is looked at, and not
 * more, or what is read would be ever older.
 */
const FRAMES_BEFORE_READING = 1;

/** One network that takes part in an answer. */
export interface Network {
  readonly title: string;
  readonly session: Session;
}

export interface ReadOptions {
  readonly signal: AbortSignal;
  /** Called with what is known so far. */
  readonly onPartial: (answer: Answer) => void;
}

interface OpenOptions extends Pick<ConnectOptions, 'policy' | 'device' | 'signal'>, SessionConstraints {
  readonly shape: ConnectOptions['shape'] | undefined;
  readonly onProgress: (model: string, progress: Progress) => void;
}

/** Puts every inference that it takes into `traces`, also when it fails half way. */
type Answering = (picture: Picture, options: ReadOptions, traces: Trace[]) => Promise<Answer>;

/** Makes an answer of what the first network gave for a picture. */
type Interpreting = (
  picture: Picture,
  result: ImageResult,
  options: ReadOptions,
  traces: Trace[],
) => Answer | Promise<Answer>;

/** An answer for one frame of a stream. */
export interface Frame {
  readonly reading: Reading;
  /** Closed when the next one is asked for. */
  readonly picture: Picture;
  /** Frames that gave way to newer ones since the last answer; `undefined` where nobody counts those that were never asked for. */
  readonly dropped: number | undefined;
}

/** Everything that is needed to answer for a picture: one network, or two that work together. */
export class Reader implements AsyncDisposable {
  readonly networks: readonly Network[];
  readonly #answer: Answering;
  readonly #interpret: Interpreting | undefined;

  /** @param how a network that takes the whole picture says what its result means; others answer in their own way */
  private constructor(networks: readonly Network[], how: { answer: Answering } | { interpret: Interpreting }) {
    this.networks = networks;
    if ('answer' in how) {
      this.#answer = how.answer;
      return;
    }
    this.#interpret = how.interpret;
    this.#answer = async (picture, options, traces) => {
      const result = await this.#first.runImage(picture.bitmap, { signal: options.signal });
      traces.push(result.trace);
      return how.interpret(picture, result, options, traces);
    };
  }

  /** The models of the edge that a choice on the page stands for, in the order in which they run. */
  static modelsOf(choice: string): readonly string[] {
    return choice === OCR ? ['ppocr-det', 'ppocr-rec'] : [choice];
  }

  static async open(choice: string, edgeUrl: string, { shape, onProgress, ...options }: OpenOptions): Promise<Reader> {
    const open = (model: string, share?: Session): Promise<Session> =>
      connect(edgeUrl, {
        ...options,
        ...(EDGE_TOKEN === undefined ? {} : { token: EDGE_TOKEN }),
        ...(shape === undefined ? {} : { shape }),
        ...(share === undefined ? {} : { share }),
        model,
        onProgress: (progress) => onProgress(model, progress),
      });
    const [first = choice, second] = Reader.modelsOf(choice);
    if (second === undefined) {
      const session = await open(first);
      return new Reader([{ title: 'The network', session }], meaningOf(session));
    }
    const detection = await open(first);
    try {
      const recognition = await open(second, detection);
      return new Reader(
        [
          { title: 'Finding the lines', session: detection },
          { title: 'Reading a line', session: recognition },
        ],
        {
          interpret: (picture, result, readOptions, traces) =>
            readLines(recognition, picture, linesIn(picture, result, detection.manifest), readOptions, traces),
        },
      );
    } catch (error) {
      await detection.close();
      throw error;
    }
  }

  /** Whether the picture has anything to do with the answer. */
  get takesPictures(): boolean {
    return takesPictures(this.#first);
  }

  async read(picture: Picture, options: ReadOptions): Promise<Reading> {
    const traces: Trace[] = [];
    const startMs = performance.now();
    const answer = await this.#answer(picture, options, traces);
    return { answer, totalMs: performance.now() - startMs, traces };
  }

  /** Answers for the newest frame again and again. The frames are closed here. */
  async *stream(frames: AsyncIterable<Picture>, signal: AbortSignal): AsyncGenerator<Frame, void> {
    const options: ReadOptions = { signal, onPartial: () => undefined };
    const interpret = this.#interpret;
    if (interpret) {
      const maxInFlight = this.networks.length > 1 ? FRAMES_BEFORE_READING : undefined;
      for await (const { picture, takenAtMs, result, dropped } of streamPictures(
        this.#first,
        frames,
        signal,
        maxInFlight,
      )) {
        const traces = [result.trace];
        const answer = await interpret(picture, result, options, traces);
        yield { reading: { answer, totalMs: performance.now() - takenAtMs, traces }, picture, dropped };
      }
      return;
    }
    // One at a time: the source gives what is newest when it is asked.
    for await (const picture of frames) {
      try {
        yield { reading: await this.read(picture, options), picture, dropped: undefined };
      } finally {
        picture.bitmap.close();
      }
    }
  }

  get #first(): Session {
    const [first] = this.networks;
    if (first === undefined) throw new TypeError('A reader has at least one network.');
    return first.session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The second shares the connection of the first.
    for (const { session } of this.networks.toReversed()) await session.close();
  }
}

function meaningOf(session: Session): { answer: Answering } | { interpret: Interpreting } {
  const { manifest } = session;
  if (!takesPictures(session)) {
    return {
      answer: async (_picture, options, traces) => {
        const { runOnNoise } = await import('./noise.js');
        return runOnNoise(session, options, traces);
      },
    };
  }
  switch (manifest.task.type) {
    case 'classification':
      return { interpret: (_picture, result) => classesOf(result, manifest) };
    case 'text-detection':
      return {
        interpret: (picture, result, options, traces) =>
          readLines(undefined, picture, linesIn(picture, result, manifest), options, traces),
      };
    case 'text-recognition':
      return {
        answer: (picture, options, traces) =>
          readLines(session, picture, [{ corners: wholePicture(picture) }], options, traces),
      };
    case 'tensors':
      return { interpret: (_picture, { outputs }) => namesOf(outputs) };
  }
}

function takesPictures({ manifest }: Session): boolean {
  return manifest.variants.some(({ kind }) => kind === 'pixels');
}

function namesOf(outputs: ImageResult['outputs']): Answer {
  const tensors = Object.entries(outputs).map(([name, { type, dims }]) => `${name}: ${type} [${dims.join(', ')}]`);
  return { kind: 'tensors', note: 'Nothing is known of what these outputs mean, so they are only named.', tensors };
}
