import type { Camera } from './camera.js';
import type { Brought } from './files.js';
import { decodePicture, type Picture } from './picture.js';
import { fetchSample, type Sample } from './samples.js';

export interface ChooserView {
  still(picture: Picture): void;
  /** @param first what the camera sees as it starts */
  live(first: Picture, frames: Frames): void;
  /** Files to be read one after the other. */
  several(brought: Brought): void;
  /** The camera was let go. */
  cameraStopped(): void;
  failed(error: unknown): void;
}

/** Pictures as they come, until the signal is aborted. */
export type Frames = (signal: AbortSignal) => AsyncIterable<Picture>;

type OpenCamera = () => Promise<Pick<Camera, 'takePicture' | 'frames'> & Disposable>;

/**
 * One picture at a time, from whichever way somebody brought it. What was asked for last wins, however long an earlier
 * wish takes: a slow sample does not replace the file that was dropped meanwhile.
 */
export class PictureChooser {
  readonly #view: ChooserView;
  readonly #openCamera: OpenCamera;
  #camera: Awaited<ReturnType<OpenCamera>> | undefined;
  #wishes = 0;

  constructor(view: ChooserView, openCamera: OpenCamera = openOwnCamera) {
    this.#view = view;
    this.#openCamera = openCamera;
  }

  get isLive(): boolean {
    return this.#camera !== undefined;
  }

  useFile(file: Blob, name: string): Promise<void> {
    return this.#use(() => decodePicture(file, name));
  }

  useSample(sample: Sample): Promise<void> {
    return this.#use(async () => decodePicture(await fetchSample(sample), sample.title));
  }

  useFiles(brought: Brought): void {
    this.#wishes++;
    this.stopCamera();
    this.#view.several(brought);
  }

  async startCamera(): Promise<void> {
    const wish = ++this.#wishes;
    let camera: Awaited<ReturnType<OpenCamera>> | undefined;
    try {
      const opened = await this.#openCamera();
      camera = opened;
      const first = await opened.takePicture();
      if (wish !== this.#wishes) {
        opened[Symbol.dispose]();
        return;
      }
      this.stopCamera();
      this.#camera = opened;
      this.#view.live(first, (signal) => opened.frames(signal));
    } catch (error) {
      // A camera that gives no picture must not keep its light on.
      camera?.[Symbol.dispose]();
      if (wish === this.#wishes) this.#view.failed(error);
    }
  }

  stopCamera(): void {
    if (this.#camera === undefined) return;
    this.#camera[Symbol.dispose]();
    this.#camera = undefined;
    this.#view.cameraStopped();
  }

  /** A picture that cannot be had leaves what is shown, also a running camera, as it is. */
  async #use(load: () => Promise<Picture>): Promise<void> {
    const wish = ++this.#wishes;
    try {
      const picture = await load();
      if (wish !== this.#wishes) {
        picture.bitmap.close();
        return;
      }
      this.stopCamera();
      this.#view.still(picture);
    } catch (error) {
      if (wish === this.#wishes) this.#view.failed(error);
    }
  }
}

/** Few need it, and nobody before the first answer; the workbench brings it along, so that it is here when the edge is away. */
async function openOwnCamera(): Promise<Camera> {
  const { Camera } = await import('./camera.js');
  return Camera.open();
}
