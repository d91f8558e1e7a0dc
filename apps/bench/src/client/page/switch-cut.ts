import { type ArmAsked, thePicture, theSession } from './opened.js';

export interface SteadyRequest {
  readonly arm: ArmAsked;
  readonly runs: number;
}

/** @returns ms of each run, one after the other */
export async function steady({ arm, runs }: SteadyRequest): Promise<number[]> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) times.push(await timed(arm));
  return times;
}

export interface SwitchRequest {
  /** What goes on running. */
  readonly arm: ArmAsked;
  /** The cut that is wished for meanwhile. */
  readonly to: number;
  readonly mostMs: number;
}

export interface SwitchTimes {
  /** ms of each run that began before the new head was ready. */
  readonly duringMs: readonly number[];
  /** From the wish until the head was ready; `null` when it was not. */
  readonly readyMs: number | null;
}

/** Wishes for another cut, which is fetched, built and warmed up in the background, and goes on running the one in use. */
export async function switchCut({ arm, to, mostMs }: SwitchRequest): Promise<SwitchTimes> {
  const session = theSession();
  const startMs = performance.now();
  session.forceCut(to);
  const duringMs: number[] = [];
  let readyMs: number | null = null;
  for (let passedMs = 0; passedMs < mostMs && readyMs === null; ) {
    duringMs.push(await timed(arm));
    passedMs = performance.now() - startMs;
    // A forced cut that is ready is what would be chosen now.
    if (session.explain()?.chosen.arm.cut === to) readyMs = passedMs;
  }
  return { duringMs, readyMs };
}

async function timed(arm: ArmAsked): Promise<number> {
  const startMs = performance.now();
  await theSession().runImage(thePicture(), arm);
  return performance.now() - startMs;
}
