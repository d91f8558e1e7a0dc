import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { longModel } from './client-model.js';
import { openPage, prepareGround } from './client-page.js';
import { Edge } from './harness/edge.js';

/** Many small products: the whole network takes a hundred times as long as its first layers. */
const PRODUCTS = 100;
const SIDE = 256;
/** In one worker only the inference that runs already ends while a head is built there. */
const TURNS_IN_ONE_WORKER = 1;

let edge: Edge;

test.beforeAll(async () => {
  const { models, store, page } = await prepareGround();
  await mkdir(join(models, 'long', '1'), { recursive: true });
  await writeFile(join(models, 'long', '1', 'model.onnx'), longModel(PRODUCTS, SIDE));
  const config = { description: 'A network that takes its time', source: { file: '1/model.onnx' } };
  await writeFile(join(models, 'long', 'config.json'), JSON.stringify(config));
  edge = await Edge.start({ models, store, args: ['--page', page, '--workers', '1'] });
});
test.afterAll(async () => {
  await edge.stop();
});

test('inferences by one head do not wait while another one is built', async ({ page }) => {
  await openPage(page, edge.url);
  const { steadyMs, duringMs, wholeMs, besideBuild } = await page.evaluate(async () => {
    const builds: { fromMs: number; toMs: number }[] = [];
    Worker.prototype.postMessage = new Proxy(Worker.prototype.postMessage, {
      apply(post, worker: Worker, given) {
        const [{ id, call }] = given;
        if (call?.type === 'create') {
          const build = { fromMs: performance.now(), toMs: Number.NaN };
          builds.push(build);
          worker.addEventListener('message', ({ data }) => {
            if (data.id === id) build.toMs = performance.now();
          });
        }
        return Reflect.apply(post, worker, given);
      },
    });
    const { connect, Tensor } = globalThis.cutpoint;
    const session = await connect('/', { model: 'long', device: 'wasm', policy: 'offload' });
    globalThis.session = session;
    await session.ready();
    const feeds = { x: new Tensor('float32', Float32Array.of(0), [1]) };
    await session.run(feeds);
    const arms = (session.explain()?.candidates ?? []).map(({ arm }) => arm);
    const whole = arms.find(({ usesEdge }) => !usesEdge);
    const [first] = arms.filter(({ usesEdge, headMs }) => usesEdge && headMs > 0).sort((a, b) => a.headMs - b.headMs);
    if (!whole || !first) throw new Error('the model has no such cuts');
    const timed = async () => {
      const startMs = performance.now();
      await session.run(feeds, { cut: first.cut });
      return performance.now() - startMs;
    };
    for (let run = 0; run < 10; run++) await timed();
    const steadyMs = [];
    for (let run = 0; run < 10; run++) steadyMs.push(await timed());
    const duringMs = [];
    session.forceCut(whole.cut);
    const isReady = () => session.explain()?.chosen.arm.cut === whole.cut;
    const endsMs = [];
    while (!isReady() && duringMs.length < 5000) {
      duringMs.push(await timed());
      endsMs.push(performance.now());
    }
    const build = builds.at(-1);
    const traced = new Promise<number>((resolve) => session.on('trace', ({ headMs }) => resolve(headMs)));
    await session.run(feeds);
    const wholeMs = await traced;
    const besideBuild = endsMs.filter((ms) => build && ms > build.fromMs && ms < build.toMs).length;
    return { steadyMs, duringMs, wholeMs, besideBuild };
  });
  const figures = `${besideBuild} beside the build; during ${inWords(duringMs)}; steady ${inWords(steadyMs)}; whole ${Math.round(wholeMs)} ms`;
  console.log(figures);
  expect(besideBuild, figures).toBeGreaterThan(TURNS_IN_ONE_WORKER);
  const runtimes = () => page.workers().filter((worker) => worker.url().includes('runtime'));
  expect(runtimes()).toHaveLength(2);
  await page.evaluate(() => globalThis.session.close());
  await expect.poll(() => runtimes().length, 'what a worker held is given back').toBe(0);
});

function quantile(times: readonly number[], share: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(share * (times.length - 1))] ?? Number.NaN;
}

function inWords(times: readonly number[]): string {
  const [median, late, worst] = [0.5, 0.9, 1].map((share) => quantile(times, share).toFixed(1));
  return `${times.length} runs, median ${median} ms, 90 % within ${late} ms, worst ${worst} ms`;
}
