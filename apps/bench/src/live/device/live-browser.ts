import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../../browser/chromium.js';
import type { LivePage } from '../page/page.js';
import { type SlowDevice, slowDevice } from './slow-device.js';

declare global {
  /** Put there by `page.ts`, in the browser. */
  var livePage: LivePage;
}

/** The device: a real browser with the real client, slowed down. */
export class LiveBrowser implements AsyncDisposable {
  readonly page: Page;
  readonly version: string;
  readonly #browser: Browser;
  #slow: SlowDevice | undefined;

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.page = page;
    this.version = browser.version();
  }

  static async open(url: string): Promise<LiveBrowser> {
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(0);
      await page.goto(url);
      await page.waitForFunction(() => 'livePage' in globalThis);
      return new LiveBrowser(browser, page);
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  /** @returns how it was done, and how many times longer the same work in a worker takes now */
  async slowDown(factor: number): Promise<{ method: SlowDevice['method'] | 'none'; measured: number }> {
    if (factor <= 1) return { method: 'none', measured: 1 };
    const cdp = await this.#browser.newBrowserCDPSession();
    const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
    await cdp.detach();
    const slow = slowDevice(processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id));
    this.#slow = slow;
    const beforeMs = await this.page.evaluate(() => globalThis.livePage.spin());
    await slow.setFactor(factor);
    const afterMs = await this.page.evaluate(() => globalThis.livePage.spin());
    return { method: slow.method, measured: afterMs / beforeMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    // Only now: a group must be empty.
    await this.#slow?.[Symbol.asyncDispose]();
  }
}
