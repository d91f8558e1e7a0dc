import { CutpointError, type ModelStatus, type Progress, type SessionEvents } from '@cutpoint/client';
import { byId, el, setText } from '../dom.js';
import { formatBytes } from '../format.js';
import { PictureError } from '../picture/picture.js';

type PageMood = 'connecting' | 'preparing' | 'ready' | 'running' | 'offline' | 'failed';

/** What an error is about: the picture that somebody brought, or the networks. */
type ErrorAbout = 'picture' | 'run';

const MOOD_WORDS: Readonly<Record<PageMood, string>> = {
  connecting: 'connecting',
  preparing: 'the edge is preparing the model',
  ready: 'connected',
  running: 'connected',
  offline: 'not connected',
  failed: 'stopped',
};

const STAGE_WORDS: Readonly<Record<Exclude<Progress['stage'], 'rescue'>, string>> = {
  manifest: 'Asking what the model is',
  runtime: 'Fetching the runtime',
  weights: 'Fetching weights for the head',
  session: 'Building the head',
};

/** The lines under the title: what goes on, how far, and what went wrong. */
export class Notices {
  readonly #state = byId('state', HTMLElement);
  readonly #status = byId('status', HTMLElement);
  readonly #progress = byId('progress', HTMLElement);
  readonly #bar = byId('progress-bar', HTMLProgressElement);
  readonly #progressText = byId('progress-text', HTMLElement);
  readonly #offline = byId('offline', HTMLElement);
  readonly #offlineText = byId('offline-text', HTMLElement);
  readonly #countdown = byId('offline-countdown', HTMLElement);
  readonly #error = byId('error', HTMLElement);
  #timer: ReturnType<typeof setInterval> | undefined;

  setMood(mood: PageMood): void {
    this.#state.dataset.state = mood;
    setText(this.#state, MOOD_WORDS[mood]);
  }

  setStatus(text: string): void {
    setText(this.#status, text);
  }

  showProgress(model: string, progress: Progress): void {
    const { stage, loadedBytes, totalBytes, detail } = progress;
    // Nobody waits for these.
    if (stage === 'rescue') return;
    const isDone = totalBytes > 0 && loadedBytes >= totalBytes;
    if (isDone || (totalBytes === 0 && detail === undefined)) {
      this.hideProgress();
      return;
    }
    const amount = totalBytes > 0 ? `: ${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)}` : '';
    this.#showBar(loadedBytes, totalBytes, `${model}. ${detail ?? STAGE_WORDS[stage]}${amount}`);
  }

  showPreparing({ name, progress, reason }: ModelStatus): void {
    const { stage, done, total } = progress ?? { stage: reason ?? 'preparing', done: 0, total: 0 };
    this.#showBar(done, total, `${name}. ${stage}${total > 0 ? `: ${done} of ${total}` : ''}`);
  }

  /** @param total 0 when nobody knows; the bar then shows no share */
  #showBar(done: number, total: number, text: string): void {
    this.#progress.hidden = false;
    if (total > 0) {
      this.#bar.max = total;
      this.#bar.value = done;
    } else this.#bar.removeAttribute('value');
    setText(this.#progressText, text);
  }

  hideProgress(): void {
    this.#progress.hidden = true;
  }

  /** In plain words, with the seconds until the next try outside the live region: nobody wants those read out. */
  showOffline({ reason, retryInMs }: Pick<SessionEvents['state'], 'reason' | 'retryInMs'>): void {
    this.#offline.hidden = false;
    setText(this.#offlineText, `The edge cannot be reached (${reason}). What this page has weights for runs here.`);
    clearInterval(this.#timer);
    const retryAtMs = performance.now() + (retryInMs ?? 0);
    const tick = (): void => {
      const seconds = Math.ceil((retryAtMs - performance.now()) / 1000);
      setText(this.#countdown, seconds > 0 ? `Trying again in ${seconds} s` : 'Trying again now');
    };
    tick();
    this.#timer = setInterval(tick, 250);
  }

  hideOffline(): void {
    clearInterval(this.#timer);
    this.#offline.hidden = true;
    setText(this.#offlineText, '');
  }

  /** @param about what failed: an answer that arrives afterwards does not excuse a file that was refused. */
  showError(error: unknown, about: ErrorAbout): void {
    const { code, message } = describeError(error);
    this.#error.hidden = false;
    this.#error.dataset.code = code;
    this.#error.dataset.about = about;
    this.#error.replaceChildren(el('span', {}, message), el('small', { class: 'muted' }, code));
  }

  hideError(about: ErrorAbout): void {
    if (this.#error.dataset.about !== about) return;
    this.#error.hidden = true;
    delete this.#error.dataset.code;
    this.#error.replaceChildren();
  }
}

function describeError(error: unknown): { code: string; message: string } {
  if (error instanceof CutpointError || error instanceof PictureError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'page_failed', message: `Something in this page failed: ${message}. Reload it to start afresh.` };
}
