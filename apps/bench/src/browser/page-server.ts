import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
};
/** Cross-origin isolation: timers of 5 microseconds instead of 100, and SharedArrayBuffer for threads. */
const HEADERS = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cache-control': 'no-store',
};
const PAGE = '<!doctype html><title>bench</title><script type="module" src="/page.js"></script>';

/** Serves one empty page with onnxruntime-web beside it, and whatever bytes a bench lends to the page. */
export interface PageServer extends AsyncDisposable {
  readonly url: string;
  /** Makes bytes reachable until they are taken back. */
  lend(bytes: Uint8Array): { readonly url: string } & Disposable;
}

export async function startPageServer(): Promise<PageServer> {
  const ortFolder = dirname(createRequire(import.meta.url).resolve('onnxruntime-web/wasm'));
  const script = fileURLToPath(new URL('./page.js', import.meta.url));
  const lent = new Map<string, Uint8Array>();
  let nextId = 1;

  async function answer(path: string, response: ServerResponse): Promise<void> {
    const bytes = lent.get(path);
    if (bytes !== undefined) send(response, 'application/octet-stream', bytes);
    else if (path === '/') send(response, TYPES['.html'] ?? '', PAGE);
    else if (path === '/page.js') send(response, TYPES['.js'] ?? '', await readFile(script));
    else if (path.startsWith('/ort/')) {
      const file = basename(path);
      send(response, TYPES[extname(file)] ?? 'application/octet-stream', await readFile(join(ortFolder, file)));
    } else response.writeHead(404, HEADERS).end();
  }

  const server = createServer((request, response) => {
    answer(request.url ?? '/', response).catch(() => response.writeHead(404, HEADERS).end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');

  return {
    url: `http://127.0.0.1:${address.port}/`,
    lend(bytes) {
      const url = `/lent/${nextId++}`;
      lent.set(url, bytes);
      return { url, [Symbol.dispose]: () => void lent.delete(url) };
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function send(response: ServerResponse, type: string, body: Uint8Array | string): void {
  response.writeHead(200, { ...HEADERS, 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}
