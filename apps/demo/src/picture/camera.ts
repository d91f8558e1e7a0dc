import { type Picture, PictureError } from './picture.js';

/** A camera that is seen and sends nothing for so long has been covered by another program, or hangs. */
const MAX_SILENCE_MS = 5_000;
const SILENCE_CHECK_MS = 500;

/** The camera as a source of pictures. */
export class Camera implements Disposable {
  readonly #stream: MediaStream;
  readonly #video: HTMLVideoElement;

  private constructor(stream: MediaStream, video: HTMLVideoElement) {
    this.#stream = stream;
    this.#video = video;
  }

  /** @throws PictureError that says what stands in the way. */
  static async open(): Promise<Camera> {
    // The type promises `mediaDevices`; outside a secure context there is none.
    const devices: MediaDevices | undefined = navigator.mediaDevices;
    if (devices?.getUserMedia === undefined) {
      throw new PictureError(
        'no_camera',
        'Browsers give the camera only to pages from localhost or over https. Open this page over https, or choose a file.',
      );
    }
    let stream: MediaStream;
    try {
      stream = await devices.getUserMedia({ video: { facingMode: 'environment', width: { ideal: 1280 } } });
    } catch (cause) {
      throw explain(cause);
    }
    const video = document.createElement('video');
    video.muted = true;
    video.playsInline = true;
    video.srcObject = stream;
    const camera = new Camera(stream, video);
    try {
      await video.play();
    } catch (cause) {
      camera[Symbol.dispose]();
      throw explain(cause);
    }
    return camera;
  }

  /**
   * What the camera sees, each of its pictures at most once, the newest when it is asked for. Ends with the signal.
   * @throws PictureError when the camera was taken away, or sends nothing any more
   */
  async *frames(signal: AbortSignal): AsyncGenerator<Picture, void> {
    while (!signal.aborted) {
      await this.#nextFrame(signal);
      if (signal.aborted) return;
      yield await this.takePicture();
    }
  }

  /** @throws PictureError when the camera gives none, as one that was pulled out does. */
  async takePicture(): Promise<Picture> {
    if (!this.#stream.active) throw gone();
    try {
      return { bitmap: await createImageBitmap(this.#video), name: 'Camera' };
    } catch (cause) {
      throw explain(cause);
    }
  }

  /** Nothing comes while the page is hidden; that is no fault of the camera's. */
  async #nextFrame(signal: AbortSignal): Promise<void> {
    if (!this.#stream.active) throw gone();
    const over = new AbortController();
    const until = { signal: over.signal };
    let callback = 0;
    let timer: ReturnType<typeof setInterval> | undefined;
    let silentMs = 0;
    try {
      await new Promise<void>((resolve, reject) => {
        callback = this.#video.requestVideoFrameCallback(() => resolve());
        timer = setInterval(() => {
          if (!document.hidden) silentMs += SILENCE_CHECK_MS;
          if (silentMs >= MAX_SILENCE_MS) reject(silent());
        }, SILENCE_CHECK_MS);
        for (const track of this.#stream.getTracks()) track.addEventListener('ended', () => reject(gone()), until);
        signal.addEventListener('abort', () => resolve(), until);
      });
    } finally {
      over.abort();
      clearInterval(timer);
      this.#video.cancelVideoFrameCallback(callback);
    }
  }

  [Symbol.dispose](): void {
    for (const track of this.#stream.getTracks()) track.stop();
    this.#video.srcObject = null;
  }
}

function gone(): PictureError {
  return new PictureError('camera_gone', 'The camera was taken away from this page. Start it again, or choose a file.');
}

function silent(): PictureError {
  return new PictureError(
    'camera_silent',
    `The camera has sent no picture for ${MAX_SILENCE_MS / 1000} s. Another program may be using it. Start it again, or choose a file.`,
  );
}

function explain(cause: unknown): PictureError {
  const name = cause instanceof DOMException ? cause.name : '';
  if (name === 'NotAllowedError') {
    return new PictureError(
      'camera_refused',
      'The browser was told not to give the camera to this page. Allow it beside the address, or choose a file.',
      { cause },
    );
  }
  if (name === 'NotFoundError' || name === 'OverconstrainedError') {
    return new PictureError('no_camera', 'This device has no camera that the browser can see. Choose a file instead.', {
      cause,
    });
  }
  return new PictureError(
    'no_camera',
    `The camera did not start (${cause instanceof Error ? cause.message : String(cause)}). Another program may be using it.`,
    { cause },
  );
}
