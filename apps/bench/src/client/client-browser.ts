import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchChromium } from '../browser/chromium.js';
import type { ClientPage } from './page/page.js';

declare global {
  /** Put there by `page/page.ts`, in the browser. */
  var clientPage: ClientPage;
}

/** A browser for one measurement; pages of one visit share a context, and nothing with those of another. */
export class ClientBrowser implements AsyncDisposable {
  readonly version: string;
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
    this.version = browser.version();
  }

  static async open(args: readonly string[]): Promise<ClientBrowser> {
    return new ClientBrowser(await launchChromium(args));
  }

  /** As somebody who was never here before, with an empty cache. */
  visitor(): Promise<BrowserContext> {
    return this.#browser.newContext();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

/** Opens the bench's page. */
export async function openClientPage(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(0);
  await page.goto(url);
  await page.waitForFunction(() => 'clientPage' in globalThis);
  return page;
}
