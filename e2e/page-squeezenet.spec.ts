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
  }) => {
    test.setTimeout(400_000);
    const demo = new DemoPage(page);
    await demo.open(edge.url, '?model=squeezenet&device=wasm&repeat=1');
    await page.getByTestId('file').setInputFiles(dogPicture);
    await expect(demo.result.locator('li').first()).toContainText('golden retriever');

    const chosen: string[] = [];
    const isMiddle = async (): Promise<boolean> => {
      const { cut, index, last } = await demo.cutOf('squeezenet');
      chosen.push(`${await page.getByTestId('link').inputValue()} Mbit/s: cut ${cut}`);
      return index > 0 && index < last;
    };
    for (const link of LINKS) {
      await page.getByTestId('link').selectOption(link);
      await demo.moreRuns(6);
      if (await isMiddle()) break;
    }
    expect(chosen.length, chosen.join('\n')).toBeGreaterThan(0);
    await expect.poll(isMiddle, { message: chosen.join('\n'), timeout: 20_000 }).toBe(true);
    // The middle cut gives the same answer.
    await demo.moreRuns(1);
    await expect(demo.result.locator('li').first()).toContainText('golden retriever');
    expect(demo.complaints).toEqual([]);
  });
});
