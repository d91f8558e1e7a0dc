import { churn } from './churn.js';
import { compareLocal } from './compare-local.js';
import { open } from './opened.js';
import { oneAfterTheOther, stream } from './run-stream.js';
import { runLocally, settle } from './settle.js';
import { steady, switchCut } from './switch-cut.js';

/** Runs inside the browser, bundled with the real client. */
const clientPage = { churn, compareLocal, oneAfterTheOther, open, runLocally, settle, steady, stream, switchCut };

export type ClientPage = typeof clientPage;

Object.assign(globalThis, { clientPage });
