import { type PreviewServer, preview } from 'vite';
import { freePort } from './edge.js';

/** A page on a server of its own, as that of an app that uses an edge of another site. */
export interface OtherSite {
  readonly origin: string;
  close(): Promise<void>;
}

/** @param headers of each answer beside those that every server sends */
export async function serveOtherSite(page: string, headers: Record<string, string> = {}): Promise<OtherSite> {
  const port = await freePort();
  const site: PreviewServer = await preview({
    configFile: false,
    logLevel: 'error',
    root: page,
    build: { outDir: page },
    preview: { port, strictPort: true, host: '127.0.0.1', headers },
  });
  return { origin: `http://127.0.0.1:${port}`, close: () => site.close() };
}
