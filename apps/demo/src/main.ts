// Here, though drawn much later: a script that is fetched again after the edge was away would not fetch its style sheet again.
import 'uplot/dist/uPlot.min.css';
import { App, type AppView } from './app.js';
import { byId, el, setText } from './dom.js';
import { fetchModelList } from './edge-info.js';
import type { Network } from './networks/reader.js';
import { formatState, type PageState, parseState } from './page-state.js';
import { renderAnswer, renderNumbers, summarise } from './panels/answer.js';
import { ModelChooser } from './panels/model-chooser.js';
import { NetworksView } from './panels/networks.js';
import { Notices } from './panels/notices.js';
import { PictureChooser } from './picture/chooser.js';
import type { Brought } from './picture/files.js';
import { listenForFiles } from './picture/intake.js';
import { PictureError } from './picture/picture.js';
import { SAMPLES, type Sample, sampleUrl } from './picture/samples.js';
import { Stage } from './picture/stage.js';
import { constraintsOf } from './play/constraints.js';
import type { Workbench } from './workbench.js';

const MODELS_POLL_MS = 2_000;
/** Nobody has touched the page and no answer has come: whoever waits for so long may want to know more. */
const WORKBENCH_AFTER_MS = 10_000;
/** The rate is that of so many last answers. */
const RATE_OVER = 8;

let state: PageState = parseState(location.search);
let finishedAtMs: number[] = [];
let droppedFrames: number | undefined;
let isOffline = false;
/** The first answer for a picture is shown as it grows; later ones replace it whole. */
let hasAnswer = false;

/** Runs while the edge still prepares a model. */
let modelsTimer: ReturnType<typeof setTimeout> | undefined;

const notices = new Notices();
const stage = new Stage(byId('canvas', HTMLCanvasElement), byId('overlay', SVGSVGElement));
const result = byId('answer', HTMLElement);
const networks = new NetworksView((index, cut) => {
  const cuts =
    networks.count > state.cuts.length
      ? Array.from({ length: networks.count }, (_, at) => state.cuts[at])
      : [...state.cuts];
  cuts[index] = cut;
  change({ cuts });
});

const view: AppView = {
  opening() {
    notices.setMood('connecting');
    notices.setStatus('Connecting to the edge.');
    networks.setNetworks([]);
    showNetworks([]);
    hasAnswer = false;
    result.replaceChildren();
    byId('numbers', HTMLElement).replaceChildren();
    stage.showAnswer(undefined);
  },
  preparing(model) {
    // What was on demand is on its way now, and the list had settled.
    if (modelsTimer === undefined) void listModels();
    notices.setMood('preparing');
    notices.setStatus(`The edge is preparing ${model.name}: it does so once, and keeps the result.`);
    notices.showPreparing(model);
    void openWorkbench();
  },
  opened(reader) {
    isOffline = false;
    notices.hideProgress();
    notices.hideError('run');
    notices.hideOffline();
    notices.setMood('ready');
    networks.setNetworks(reader.networks);
    stage.setUsed(reader.takesPictures);
    showNetworks(reader.networks);
  },
  progress(model, progress) {
    notices.showProgress(model, progress);
    networks.showProgress(model, progress);
  },
  connection({ state: connection, reason, retryInMs }) {
    isOffline = connection === 'offline';
    if (isOffline) {
      notices.setMood('offline');
      notices.showOffline(retryInMs === undefined ? { reason } : { reason, retryInMs });
    } else {
      notices.setMood('ready');
      notices.setStatus('The edge is back.');
      notices.hideOffline();
      notices.hideError('run');
    }
  },
  device({ kind, adapter, threads, reason, notIsolated }) {
    const words =
      kind === 'webgpu'
        ? `WebGPU${adapter ? `, ${adapter}` : ''}`
        : `WASM, ${threads} thread${threads === 1 ? '' : 's'}`;
    const element = byId('device', HTMLElement);
    element.dataset.kind = kind;
    setText(element, [`${words}.`, reason, notIsolated?.words].filter(Boolean).join(' '));
  },
  running() {
    networks.startReading();
    if (!isOffline) notices.setMood('running');
    if (result.dataset.runs === '0') notices.setStatus('Reading the picture.');
  },
  partial(answer) {
    if (hasAnswer) return;
    stage.showAnswer(answer);
    result.replaceChildren(renderAnswer(answer));
  },
  finished(reading, picture, dropped) {
    hasAnswer = true;
    // Once the answer can be seen.
    requestAnimationFrame(() => setTimeout(openWorkbench));
    notices.hideError('run');
    const isStream = state.repeat || chooser.isLive;
    if (!isOffline && !isStream) notices.setMood('ready');
    if (chooser.isLive) stage.show(picture);
    stage.showAnswer(reading.answer);
    result.replaceChildren(renderAnswer(reading.answer));
    result.dataset.runs = String(Number(result.dataset.runs) + 1);
    finishedAtMs = [...finishedAtMs, performance.now()].slice(-RATE_OVER);
    if (dropped !== undefined) droppedFrames = (droppedFrames ?? 0) + dropped;
    const stream = isStream
      ? { answersPerSecond: rateOf(finishedAtMs), droppedFrames: chooser.isLive ? droppedFrames : undefined }
      : undefined;
    byId('numbers', HTMLElement).replaceChildren(...renderNumbers({ reading, stream, cuts: networks.cuts }));
    // A live region that speaks several times a second helps nobody.
    notices.setStatus(isStream ? 'Running without a pause.' : summarise(reading));
  },
  failed(error) {
    // A camera that was pulled out will not come back by being asked again.
    if (error instanceof PictureError) chooser.stopCamera();
    if (!isOffline) notices.setMood('failed');
    notices.hideProgress();
    notices.showError(error, 'run');
    notices.setStatus('That did not work.');
    void openWorkbench();
  },
  wouldMove: () => networks.wouldMove,
};
const app = new App(state, view);
let workbench: Workbench | undefined;
let isFetchingWorkbench = false;
let opened: readonly Network[] = [];
/** Whether the edge was started for demonstration, as soon as it has said so. */
let isForDemo: boolean | undefined;
const modelChooser = new ModelChooser(state.model, (model) => change({ model }));
const chooser = new PictureChooser({
  still(picture) {
    hasAnswer = false;
    stage.show(picture);
    const { name, bitmap } = picture;
    showCaption(`${name}, ${bitmap.width} × ${bitmap.height}. Drop or paste another anywhere.`);
    notices.hideError('picture');
    app.setWork({ kind: 'still', picture });
  },
  several: (brought) => void readSeveral(brought),
  live(first, frames) {
    finishedAtMs = [];
    droppedFrames = undefined;
    showCamera(true);
    showCaption('The camera, one picture after another.');
    notices.hideError('picture');
    stage.show(first);
    first.bitmap.close();
    app.setWork({ kind: 'stream', frames });
  },
  cameraStopped() {
    finishedAtMs = [];
    app.setWork(undefined);
    showCamera(false);
  },
  failed: (error) => notices.showError(error, 'picture'),
});

async function readSeveral(brought: Brought): Promise<void> {
  const { startBatch } = await import('./panels/batch.js');
  hasAnswer = true;
  const batch = startBatch(brought, {
    onRead(reading, picture) {
      stage.show(picture);
      showCaption(`${picture.name}, ${picture.bitmap.width} × ${picture.bitmap.height}.`);
      view.finished(reading, picture);
    },
    onOver: (words) => notices.setStatus(words),
  });
  notices.hideError('picture');
  app.setWork({ kind: 'batch', batch });
}

/** What nobody needs before the first answer does not hold it up: it comes after it, or as soon as somebody touches the page. */
async function openWorkbench(): Promise<void> {
  if (isFetchingWorkbench) return;
  isFetchingWorkbench = true;
  let script: typeof import('./workbench.js');
  try {
    // Not `.then`: Vite would have its second function miss what fails beside the script itself.
    script = await import('./workbench.js');
  } catch {
    // The edge serves it, and is away: the next answer, or the next touch, asks again.
    isFetchingWorkbench = false;
    return;
  }
  workbench = new script.Workbench({ state, networks, app, onChange: change });
  workbench.setNetworks(opened);
  if (isForDemo !== undefined) workbench.setOffered(isForDemo);
}

function showNetworks(shown: readonly Network[]): void {
  opened = shown;
  workbench?.setNetworks(shown);
}

/** What the edge is asked for by the page's address is asked for at once, and who plays must not wait. */
function wireWorkbench(): void {
  for (const touch of ['pointermove', 'pointerdown', 'keydown', 'wheel']) {
    addEventListener(touch, openWorkbench, { passive: true });
  }
  setTimeout(openWorkbench, WORKBENCH_AFTER_MS);
  if (state.pacedBy === 'edge') void openWorkbench();
}

function showCamera(isLive: boolean): void {
  const button = byId('camera', HTMLButtonElement);
  button.setAttribute('aria-pressed', String(isLive));
  setText(button, isLive ? 'Stop the camera' : 'Camera');
}

function showCaption(words: string): void {
  setText(byId('caption', HTMLElement), words);
}

function change(part: Partial<PageState>): void {
  state = { ...state, ...part };
  if (part.model !== undefined || part.repeat !== undefined) finishedAtMs = [];
  if (part.model !== undefined) state = { ...state, cuts: [] };
  history.replaceState(null, '', `${location.pathname}${formatState(state)}`);
  showState();
  app.setState(state);
}

function showState(): void {
  networks.setForced(state.cuts);
  networks.setConstraints(constraintsOf(state));
  workbench?.setState(state);
}

function rateOf(timesMs: readonly number[]): number | undefined {
  const [first, last] = [timesMs[0], timesMs.at(-1)];
  if (first === undefined || last === undefined || last <= first) return undefined;
  return ((timesMs.length - 1) * 1000) / (last - first);
}

/** Fills the list of models, and again while the edge is still preparing some. */
async function listModels(): Promise<void> {
  const list = await fetchModelList().catch(() => undefined);
  const models = list?.models;
  if (list) {
    isForDemo = list.demo === true;
    workbench?.setOffered(isForDemo);
  }
  if (models) modelChooser.setModels(models);
  const isSettled = models?.every(({ status }) => status !== 'preparing') ?? false;
  clearTimeout(modelsTimer);
  modelsTimer = isSettled ? undefined : setTimeout(listModels, MODELS_POLL_MS);
}

function wireControls(): void {
  byId('again', HTMLButtonElement).addEventListener('click', () => app.runAgain());
  const withText = byId('with-text', HTMLInputElement);
  withText.addEventListener('change', () => stage.setWithText(withText.checked));
  const repeat = byId('repeat', HTMLInputElement);
  repeat.checked = state.repeat;
  repeat.addEventListener('change', () => change({ repeat: repeat.checked }));
  byId('camera', HTMLButtonElement).addEventListener('click', () => {
    if (!chooser.isLive) void chooser.startCamera();
    else {
      // At once, whether or not there is something to show instead.
      chooser.stopCamera();
      void chooser.useSample(chosenSample());
    }
  });
  byId('samples', HTMLElement).replaceChildren(
    ...SAMPLES.map((sample) => {
      const image = el('img', { src: sampleUrl(sample), alt: sample.title, width: 48, height: 36 });
      const button = el(
        'button',
        { type: 'button', title: sample.title, 'data-testid': `sample-${sample.name}` },
        image,
      );
      button.addEventListener('click', () => {
        change({ sample: sample.name });
        void chooser.useSample(sample);
      });
      return button;
    }),
  );
  listenForFiles({
    fileInput: byId('file', HTMLInputElement),
    folderInput: byId('folder', HTMLInputElement),
    dropHint: byId('drop', HTMLElement),
    onFile: (file, name) => void chooser.useFile(file, name),
    onFiles: (brought) => chooser.useFiles(brought),
    onNothing: (message) => notices.setStatus(message),
  });
}

function chosenSample(): Sample {
  const [first] = SAMPLES;
  const sample = SAMPLES.find(({ name }) => name === state.sample) ?? first;
  if (sample === undefined) throw new Error('This page has no sample pictures.');
  return sample;
}

showState();
wireControls();
wireWorkbench();
void listModels();
void chooser.useSample(chosenSample());
app.open();
