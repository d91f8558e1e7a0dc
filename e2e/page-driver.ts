import { expect, type Locator, type Page } from '@playwright/test';

/** The demo page, as a person finds their way about it. */
export class DemoPage {
  readonly page: Page;
  readonly state: Locator;
  readonly status: Locator;
  readonly result: Locator;
  readonly error: Locator;
  readonly offline: Locator;
  readonly device: Locator;
  /** What was said on the console, by the page or of it, or thrown. */
  readonly complaints: string[] = [];

  /** @param networkFails on purpose, which the browser says on the console, and no page can help it */
  constructor(page: Page, { networkFails = false } = {}) {
    this.page = page;
    this.state = page.getByTestId('state');
    this.status = page.getByTestId('status');
    this.result = page.getByTestId('result');
    this.error = page.getByTestId('error');
    this.offline = page.getByTestId('offline');
    this.device = page.getByTestId('device');
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      const isOfTheBrowser =
        networkFails &&
        /net::ERR_|WebSocket connection to|Failed to load resource|^Couldn't load preload assets/.test(message.text());
      const isComplaint = message.type() === 'error' || message.type() === 'warning';
      if (isComplaint && !isOfTheBrowser) this.complaints.push(message.text());
    });
  }

  async open(edgeUrl: string, query = ''): Promise<void> {
    await this.page.goto(`${edgeUrl}/${query}`);
  }

  async runs(): Promise<number> {
    return Number(await this.result.getAttribute('data-runs'));
  }

  /** Waits for the first answer since the page was opened or loaded again. */
  async answered(timeout = 60_000): Promise<void> {
    await expect.poll(() => this.runs(), { timeout }).toBeGreaterThan(0);
  }

  /** Waits for `count` more answers of a page that goes on by itself. */
  async moreRuns(count: number, timeout = 60_000): Promise<void> {
    const before = await this.runs();
    await expect.poll(() => this.runs(), { timeout }).toBeGreaterThanOrEqual(before + count);
  }

  slider(model: string): Locator {
    return this.page.getByTestId(`cut-${model}`);
  }

  /** Id of the cut that the ribbon shows, and of the last one, where everything runs here. */
  async cutOf(model: string): Promise<{ cut: number; index: number; last: number }> {
    const slider = this.slider(model);
    const [cut, index, last] = await Promise.all(
      ['data-cut', 'aria-valuenow', 'aria-valuemax'].map((name) => slider.getAttribute(name)),
    );
    return { cut: Number(cut), index: Number(index), last: Number(last) };
  }

  /** The ribbon shows a cut in the middle; it is drawn a few times a second, so it may follow the answer. */
  async expectMiddleCut(model: string): Promise<void> {
    const isInTheMiddle = async (): Promise<boolean> => {
      const { index, last } = await this.cutOf(model);
      return index > 0 && index < last;
    };
    await expect.poll(isInTheMiddle, { message: `${model} is cut in the middle` }).toBe(true);
  }
}

/** 320 x 160, so that the smallest served size fits: the software adapter needs half a minute for it as it is. */
export async function smallPicture(page: Page, text: string, type: 'jpeg' | 'png' = 'jpeg'): Promise<Buffer> {
  await page.setViewportSize({ width: 320, height: 160 });
  await page.setContent(`<body style="margin: 56px 16px; font: 30px Arial, sans-serif; word-spacing: 8px">${text}`);
  const picture = await page.screenshot({ type, ...(type === 'jpeg' ? { quality: 90 } : {}) });
  await page.setViewportSize({ width: 1280, height: 800 });
  return picture;
}

const smallPictures = new Map<string, Promise<Buffer>>();

/** Puts a small picture of one text in the place of the sample that the page opens with: it has 22 lines, and most tests need one. */
export async function serveSmallSample(page: Page, text: string): Promise<void> {
  const coming = smallPictures.get(text) ?? smallPicture(page, text);
  smallPictures.set(text, coming);
  const body = await coming;
  await page.route('**/samples/invoice.jpg', (route) => route.fulfill({ body, contentType: 'image/jpeg' }));
}
