import type { Browser, BrowserType, LaunchOptions, Page } from '@playwright/test';
import { freePort } from './edge.js';

/**
 * A page that can be hidden, in a browser of its own. Playwright has every page it opens believe that it is seen; only one
 * that it finds in a browser, and is told to leave alone, is not told so.
 */
export class HideablePage implements AsyncDisposable {
  readonly page: Page;
  readonly #browsers: readonly Browser[];

  private constructor(page: Page, browsers: readonly Browser[]) {
    this.page = page;
    this.#browsers = browsers;
  }

  static async open(chromium: BrowserType, { args = [], ...options }: LaunchOptions): Promise<HideablePage> {
    const port = await freePort();
    const own = await chromium.launch({ ...options, args: [...args, `--remote-debugging-port=${port}`] });
    const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`, { noDefaults: true });
    const [context] = browser.contexts();
    if (!context) throw new Error('the browser has no profile');
    return new HideablePage(await context.newPage(), [browser, own]);
  }

  /** Its window is minimised, and the page frozen as a browser does with one that was hidden for long. */
  async hide(): Promise<void> {
    await this.#set('minimized');
    const hidden = await this.page.evaluate(() => document.visibilityState);
    if (hidden !== 'hidden') throw new Error(`the page is ${hidden}`);
    await this.#setLifecycle('frozen');
  }

  async show(): Promise<void> {
    await this.#setLifecycle('active');
    await this.#set('normal');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const browser of this.#browsers) await browser.close();
  }

  async #set(windowState: 'minimized' | 'normal'): Promise<void> {
    const devtools = await this.page.context().newCDPSession(this.page);
    const { windowId } = await devtools.send('Browser.getWindowForTarget');
    await devtools.send('Browser.setWindowBounds', { windowId, bounds: { windowState } });
    await devtools.detach();
  }

  async #setLifecycle(state: 'frozen' | 'active'): Promise<void> {
    const devtools = await this.page.context().newCDPSession(this.page);
    await devtools.send('Page.setWebLifecycleState', { state });
    await devtools.detach();
  }
}
