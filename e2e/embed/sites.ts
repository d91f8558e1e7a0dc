import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { build, createServer, preview } from 'vite';
import webpack from 'webpack';
import { freePort } from '../harness/edge.js';
import { strangersFolder } from './stranger.js';

/** Somebody's app, served. */
export interface Site extends AsyncDisposable {
  readonly origin: string;
}

/** What makes a page cross-origin isolated, without which WebAssembly has no threads. */
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
/** What a site sends of which others may use the files. */
const SHARED = { 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' };
const HOST = '127.0.0.1';

/** An app that Vite built with no settings at all, as `vite preview` serves it. */
export async function viteBuilt(tarball: string): Promise<Site> {
  return buildWithVite(await strangersFolder(tarball, 'bundled.html'));
}

/** @param root of the app; goes with the site */
export async function buildWithVite(root: string): Promise<Site> {
  const quiet = { root, configFile: false, logLevel: 'error' } as const;
  await build(quiet);
  const port = await freePort();
  const server = await preview({ ...quiet, preview: { port, host: HOST, strictPort: true, headers: ISOLATION } });
  return site(port, root, () => server.close());
}

/** The same app in Vite's development server, which bundles dependencies on their own. */
export async function viteDev(tarball: string): Promise<Site> {
  return developWithVite(await strangersFolder(tarball, 'bundled.html'));
}

/** @param root of the app; goes with the site */
export async function developWithVite(root: string): Promise<Site> {
  const port = await freePort();
  const server = await createServer({
    root,
    configFile: false,
    logLevel: 'error',
    server: { port, host: HOST, strictPort: true, headers: ISOLATION },
  });
  await server.listen();
  return site(port, root, () => server.close());
}

/** The same app as webpack builds it without a configuration file. */
export async function webpackBuilt(tarball: string): Promise<Site> {
  const root = await strangersFolder(tarball, 'webpack.html');
  const dist = join(root, 'dist');
  const compiler = webpack({ context: root, mode: 'production', entry: './app.js', output: { path: dist } });
  if (!compiler) throw new Error('webpack took no configuration');
  await new Promise<void>((resolve, reject) => {
    compiler.run((error, stats) => {
      if (error || stats?.hasErrors()) reject(error ?? new Error(stats?.toString({ colors: false })));
      else compiler.close(() => resolve());
    });
  });
  await cp(join(root, 'index.html'), join(dist, 'index.html'));
  return serveFolder(dist, root);
}

/** A page that nothing built: a module script, and an import map for the two names that it imports. */
export async function bare(tarball: string): Promise<Site> {
  return serveFolder(await strangersFolder(tarball, 'bare.html'));
}

/** A page without any of it: its import map names the files at another site, such as a CDN is. */
export async function fromElsewhere(tarball: string): Promise<Site> {
  const root = await strangersFolder(tarball, 'elsewhere.html');
  const elsewhere = await serveFolder(root);
  const page = await mkdtemp(join(tmpdir(), 'cutpoint-embed-page-'));
  await cp(join(root, 'app.js'), join(page, 'app.js'));
  const html = await readFile(join(root, 'index.html'), 'utf8');
  await writeFile(join(page, 'index.html'), html.replaceAll('https://elsewhere.example', elsewhere.origin));
  const own = await serveFolder(page);
  return {
    origin: own.origin,
    async [Symbol.asyncDispose]() {
      await own[Symbol.asyncDispose]();
      await elsewhere[Symbol.asyncDispose]();
    },
  };
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** @param owned goes with the site: a stranger has 60 MB of onnxruntime-web */
export async function serveFolder(root: string, owned = root): Promise<Site> {
  const server = createHttpServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', `http://${HOST}`);
    const path = join(root, normalize(pathname === '/' ? '/index.html' : decodeURIComponent(pathname)));
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    response.writeHead(200, { ...ISOLATION, ...SHARED, 'Content-Type': type, 'Content-Length': found.size });
    createReadStream(path).pipe(response);
  }).listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return site(address.port, owned, async () => {
    server.closeAllConnections();
    server.close();
  });
}

function site(port: number, folder: string, close: () => Promise<void>): Site {
  return {
    origin: `http://${HOST}:${port}`,
    async [Symbol.asyncDispose]() {
      await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
