import { type ConnectOptions, connect, type Progress, type Session, type Trace } from '@cutpoint/client';
import { OCR } from '../page-state.js';
import type { Picture } from '../picture/picture.js';
import { EDGE_TOKEN } from '../token.js';
import type { Answer, Reading } from './answer.js';
import { classify } from './classify.js';
import { runOnNoise } from './noise.js';
import { readText } from './ocr.js';

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

interface OpenOptions extends Pick<ConnectOptions, 'policy' | 'device' | 'signal'> {
  readonly shape: ConnectOptions['shape'] | undefined;
  readonly onProgress: (model: string, progress: Progress) => void;
}

/** Puts every inference that it takes into `traces`, also when it fails half way. */
type Answering = (picture: Picture, options: ReadOptions, traces: Trace[]) => Promise<Answer>;

/** Everything that is needed to answer for a picture: one network, or two that work together. */
export class Reader implements AsyncDisposable {
  readonly networks: readonly Network[];
  readonly #answer: Answering;

  private constructor(networks: readonly Network[], answer: Answering) {
    this.networks = networks;
    this.#answer = answer;
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
      return new Reader([{ title: 'The network', session }], answerOf(session));
    }
    const detection = await open(first);
    try {
      const recognition = await open(second, detection);
      return new Reader(
        [
          { title: 'Finding the lines', session: detection },
          { title: 'Reading a line', session: recognition },
        ],
        (picture, readOptions, traces) => readText(detection, recognition, picture, readOptions, traces),
      );
    } catch (error) {
      await detection.close();
      throw error;
    }
  }

  async read(picture: Picture, options: ReadOptions): Promise<Reading> {
    const traces: Trace[] = [];
    const startMs = performance.now();
    const answer = await this.#answer(picture, options, traces);
    return { answer, totalMs: performance.now() - startMs, traces };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The second shares the connection of the first.
    for (const { session } of this.networks.toReversed()) await session.close();
  }
}

function answerOf(session: Session): Answering {
  const { task, variants } = session.manifest;
  if (!variants.some(({ kind }) => kind === 'pixels')) {
    return (_picture, options, traces) => runOnNoise(session, options, traces);
  }
  switch (task.type) {
    case 'classification':
      return (picture, options, traces) => classify(session, picture, options, traces);
    case 'text-detection':
      return (picture, options, traces) => readText(session, undefined, picture, options, traces);
    case 'text-recognition':
      return (picture, options, traces) => readText(undefined, session, picture, options, traces);
    case 'tensors':
      return async (picture, { signal }, traces) => {
        const result = await session.runImage(picture.bitmap, { signal });
        traces.push(result.trace);
        const tensors = Object.entries(result.outputs).map(
          ([name, { type, dims }]) => `${name}: ${type} [${dims.join(', ')}]`,
        );
        return {
          kind: 'tensors',
          note: 'Nothing is known of what these outputs mean, so they are only named.',
          tensors,
        };
      };
  }
}
