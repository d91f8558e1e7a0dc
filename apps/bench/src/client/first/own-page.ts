import { connect, decodeClassification } from '@cutpoint/client';

/** The small page with our client: connects, has a picture classified, and shows the answer. Defaults throughout. */

declare global {
  /** Since the navigation began, when the answer was on the page. */
  var firstResultMs: number | undefined;
}

/** Under this name it is the script that the page began with. */
const pictureScript: Promise<typeof import('./picture.js')> = import(
  /* @vite-ignore */ `${location.pathname}picture.js`
);
const connecting = connect('/', { model: new URLSearchParams(location.search).get('model') ?? '' });
const { picture } = await pictureScript;
const session = await connecting;
const result = await session.runImage(await picture);
document.body.textContent = decodeClassification(result, session.manifest)[0]?.label ?? '';
globalThis.firstResultMs = performance.now();
