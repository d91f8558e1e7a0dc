import { expect, test } from '@playwright/test';
import { Edge } from './harness/edge.js';
import { DemoPage } from './page-driver.js';
import { dogPicture, squeezenetMissing, squeezenetRepository } from './page-models.js';

/** Every link that the page offers, fastest first. */
const LINKS = ['', '32', '16', '8', '4', '2', '1'];

test.describe('SqueezeNet on the page', () => {
  if (squeezenetMissing) console.warn(squeezenetMissing);
  test.skip(squeezenetMissing !== undefined, squeezenetMissing);
  let edge: Edge;
  test.beforeAll(async () => {
    test.setTimeout(200_000);
    edge = await Edge.start({ models: await squeezenetRepository() });
  });
  test.afterAll(async () => {
    await edge?.stop();
  });

  test('names a golden retriever, and is cut in the middle by itself under a link that the page offers', async ({
    page,
  }, testInfo) => {
    test.setTimeout(400_000);
    const demo = new DemoPage(page);
    await demo.open(edge.url, '?model=squeezenet&device=wasm&repeat=1');
    await page.getByTestId('file').setInputFiles(dogPicture);
    await expect(demo.result.locator('li').first()).toContainText('golden retriever');

    const seen: string[] = [];
    /** Whether the page has settled on a middle cut: at three moments, some answers apart. */
    const settlesInTheMiddle = async (link: string): Promise<boolean> => {
      for (let look = 0; look < 3; look++) {
        await demo.moreRuns(5);
        const { cut, index, last } = await demo.cutOf('squeezenet');
        seen.push(`${link || 'unlimited'}: cut ${cut}`);
        if (index === 0 || index === last) return false;
      }
      return true;
    };
    let found: string | undefined;
    for (const link of LINKS) {
      await page.getByTestId('link').selectOption(link);
      if (await settlesInTheMiddle(link)) {
        found = link;
        break;
      }
    }
    testInfo.annotations.push({ type: 'cuts', description: seen.join(', ') });
    expect(found, `no link gave a middle cut: ${seen.join(', ')}`).toBeDefined();
    await expect(page.getByTestId('policy')).toHaveValue('cutpoint');
    await expect(page).not.toHaveURL(/cut=/);
    // The middle cut gives the same answer.
    await demo.moreRuns(1);
    await expect(demo.result.locator('li').first()).toContainText('golden retriever');
    expect(demo.complaints).toEqual([]);
  });
});
