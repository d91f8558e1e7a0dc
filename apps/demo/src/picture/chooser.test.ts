import { afterEach, describe, expect, it, vi } from 'vitest';
import { PictureChooser } from './chooser.js';
import { type Picture, PictureError } from './picture.js';

const sample = { name: 'invoice', title: 'Invoice' };

/** Node has no bitmaps; the chooser hands them on and closes those that nobody wants. */
function bitmap(): ImageBitmap {
  return { width: 8, height: 8, close: vi.fn() } as unknown as ImageBitmap;
}

function camera(takePicture: () => Promise<Picture>) {
  return { takePicture, frames: vi.fn(), [Symbol.dispose]: vi.fn() };
}

function chooserWith(openCamera: ConstructorParameters<typeof PictureChooser>[1]) {
  const view = { still: vi.fn(), live: vi.fn(), several: vi.fn(), cameraStopped: vi.fn(), failed: vi.fn() };
  return { view, chooser: new PictureChooser(view, openCamera) };
}

afterEach(() => vi.unstubAllGlobals());

describe('PictureChooser', () => {
  it('lets a camera go that opens and gives no picture, and says why', async () => {
    const error = new PictureError('no_camera', 'dark');
    const dark = camera(() => Promise.reject(error));
    const { view, chooser } = chooserWith(async () => dark);
    await chooser.startCamera();
    expect(view.failed).toHaveBeenCalledExactlyOnceWith(error);
    expect(dark[Symbol.dispose]).toHaveBeenCalledOnce();
    expect(chooser.isLive).toBe(false);
  });

  it('lets a camera go that opens after a file was brought', async () => {
    vi.stubGlobal('createImageBitmap', async () => bitmap());
    const slow = camera(async () => ({ bitmap: bitmap(), name: 'Camera' }));
    let resolve: (camera: typeof slow) => void = () => undefined;
    const { view, chooser } = chooserWith(
      () =>
        new Promise((done) => {
          resolve = done;
        }),
    );
    const started = chooser.startCamera();
    await chooser.useFile(new Blob(['picture']), 'dropped.png');
    resolve(slow);
    await started;
    expect(view.still).toHaveBeenCalledOnce();
    expect(view.live).not.toHaveBeenCalled();
    expect(slow[Symbol.dispose]).toHaveBeenCalledOnce();
  });

  it('keeps a running camera when a file is no picture, and stops it for one that is', async () => {
    const decode = vi.fn().mockRejectedValueOnce(new Error('no picture')).mockResolvedValue(bitmap());
    vi.stubGlobal('createImageBitmap', decode);
    const bright = camera(async () => ({ bitmap: bitmap(), name: 'Camera' }));
    const { view, chooser } = chooserWith(async () => bright);
    await chooser.startCamera();
    await chooser.useFile(new Blob(['notes']), 'notes.txt');
    expect(view.failed.mock.lastCall?.[0]).toMatchObject({ code: 'not_a_picture' });
    expect(chooser.isLive).toBe(true);
    await chooser.useFile(new Blob(['picture']), 'picture.png');
    expect(chooser.isLive).toBe(false);
    expect(view.cameraStopped).toHaveBeenCalledOnce();
    expect(bright[Symbol.dispose]).toHaveBeenCalledOnce();
  });

  it('does not take the words of an error for a sample picture', async () => {
    vi.stubGlobal('fetch', async () => new Response('{"error": "not_found"}', { status: 404 }));
    const { view, chooser } = chooserWith(undefined);
    await chooser.useSample(sample);
    expect(view.still).not.toHaveBeenCalled();
    expect(view.failed.mock.lastCall?.[0]).toMatchObject({
      code: 'no_sample',
      message: expect.stringContaining('404'),
    });
  });

  it('does not let a slow sample replace a file that was dropped meanwhile', async () => {
    vi.stubGlobal('createImageBitmap', async () => bitmap());
    let resolve: (response: Response) => void = () => undefined;
    vi.stubGlobal(
      'fetch',
      () =>
        new Promise<Response>((done) => {
          resolve = done;
        }),
    );
    const { view, chooser } = chooserWith(undefined);
    const sampled = chooser.useSample(sample);
    await chooser.useFile(new Blob(['picture']), 'dropped.png');
    resolve(new Response('picture'));
    await sampled;
    expect(view.still.mock.calls.map(([picture]: Picture[]) => picture?.name)).toEqual(['dropped.png']);
  });
});
