/** The same page as one that is isolated from other origins, as the edge serves ours. */
export const ISOLATED_PATH = '/isolated';

/** What one would write without us: scales a picture, posts it as a JPEG, and shows the answer. */
export const PLAIN_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <title>plain</title>
  </head>
  <body>
    <p id="answer"></p>
    <script type="module">
      const bytes = Uint8Array.from(atob(globalThis.pictureFile), (character) => character.charCodeAt(0));
      const picture = await createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }));
      const side = Math.min(picture.width, picture.height);
      const [x, y] = [(picture.width - side) / 2, (picture.height - side) / 2];
      const canvas = new OffscreenCanvas(224, 224);
      const context = canvas.getContext('2d', { alpha: false });
      context.imageSmoothingQuality = 'high';
      context.drawImage(picture, x, y, side, side, 0, 0, 224, 224);
      const body = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
      const response = await fetch('/classify', { method: 'POST', body });
      const { label } = await response.json();
      document.querySelector('#answer').textContent = label;
      globalThis.firstResultMs = performance.now();
    </script>
  </body>
</html>
`;
