/** A decoded picture, upright. */
export interface Picture {
  readonly bitmap: ImageBitmap;
  readonly name: string;
}

/** Larger files are refused before they are decoded: a page that runs out of memory says nothing at all. */
const MAX_FILE_BYTES = 64_000_000;
/** Longer sides are scaled down once; no network here looks at more. */
const MAX_SIDE = 4096;

type PictureErrorCode =
  | 'empty_file'
  | 'file_too_large'
  | 'not_a_picture'
  | 'no_sample'
  | 'no_camera'
  | 'camera_gone'
  | 'camera_silent'
  | 'camera_refused';

export class PictureError extends Error {
  readonly code: PictureErrorCode;

  constructor(code: PictureErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PictureError';
    this.code = code;
  }
}

/** @throws PictureError in words for the person who brought the file. */
export async function decodePicture(file: Blob, name: string): Promise<Picture> {
  if (file.size === 0) throw new PictureError('empty_file', `${name} is empty (0 bytes). Choose another file.`);
  if (file.size > MAX_FILE_BYTES) {
    const [megabytes, limit] = [file.size, MAX_FILE_BYTES].map((bytes) => Math.round(bytes / 1e6));
    throw new PictureError(
      'file_too_large',
      `${name} has ${megabytes} MB; this page takes pictures up to ${limit} MB. Make it smaller and try again.`,
    );
  }
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch (cause) {
    const type = file.type === '' ? 'of an unknown type' : `of type ${file.type}`;
    throw new PictureError(
      'not_a_picture',
      `${name} (${type}) is not a picture that this browser can decode. JPEG, PNG and WebP work everywhere.`,
      { cause },
    );
  }
  return { bitmap: await limited(bitmap), name };
}

async function limited(bitmap: ImageBitmap): Promise<ImageBitmap> {
  const scale = MAX_SIDE / Math.max(bitmap.width, bitmap.height);
  if (scale >= 1) return bitmap;
  const small = await createImageBitmap(bitmap, {
    resizeWidth: Math.max(1, Math.round(bitmap.width * scale)),
    resizeHeight: Math.max(1, Math.round(bitmap.height * scale)),
    resizeQuality: 'high',
  });
  bitmap.close();
  return small;
}
