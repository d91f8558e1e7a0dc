import { type Picture, PictureError } from './picture.js';

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

  /** @throws PictureError when the camera gives none, as one that was pulled out does. */
  async takePicture(): Promise<Picture> {
    if (!this.#stream.active)
      throw new PictureError('no_camera', 'The camera is gone. Start it again, or choose a file.');
    try {
      return { bitmap: await createImageBitmap(this.#video), name: 'Camera' };
    } catch (cause) {
      throw explain(cause);
    }
  }

  [Symbol.dispose](): void {
    for (const track of this.#stream.getTracks()) track.stop();
    this.#video.srcObject = null;
  }
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
