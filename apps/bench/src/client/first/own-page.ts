import { connect, decodeClassification } from '@cutpoint/client';

/** The small page with our client: connects, has a picture classified, and shows the answer. Defaults throughout. */

declare global {
  /** The picture's file as base64: what a person would have dropped on the page. */
  var pictureFile: string;
  /** Since the navigation began, when the answer was on the page. */
  var firstResultMs: number | undefined;
}

const session = await connect('/', { model: new URLSearchParams(location.search).get('model') ?? '' });
const bytes = Uint8Array.from(atob(globalThis.pictureFile), (character) => character.charCodeAt(0));
const result = await session.runImage(new Blob([bytes], { type: 'image/jpeg' }));
document.body.textContent = decodeClassification(result, session.manifest)[0]?.label ?? '';
globalThis.firstResultMs = performance.now();
