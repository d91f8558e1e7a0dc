import type { Page } from 'playwright-core';

/** Counts the bytes of weights that a page gets over the network; what its caches have is none. */
export class PackBytes {
  #numBytes = 0;

  static async of(page: Page): Promise<PackBytes> {
    const counted = new PackBytes();
    const weights = new Set<string>();
    const cdp = await page.context().newCDPSession(page);
    cdp.on('Network.responseReceived', ({ requestId, response }) => {
      if (response.url.includes('/v1/packs/') && !response.fromDiskCache) weights.add(requestId);
    });
    cdp.on('Network.dataReceived', ({ requestId, dataLength }) => {
      if (weights.has(requestId)) counted.#numBytes += dataLength;
    });
    await cdp.send('Network.enable');
    return counted;
  }

  get numBytes(): number {
    return this.#numBytes;
  }
}
