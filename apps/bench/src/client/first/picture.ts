declare global {
  /** The picture's file as base64: what a person would have dropped on the page. */
  var pictureFile: string;
}

const bytes = Uint8Array.from(atob(globalThis.pictureFile), (character) => character.charCodeAt(0));

/** Decoded while the client comes: a small script of its own, as `docs/embedding.md` has it. */
export const picture = createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }));
