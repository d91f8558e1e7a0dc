import type { Trace } from '@cutpoint/client';
import { type ArmAsked, thePicture, theSession } from './opened.js';

export interface StagesRequest {
  readonly arm: ArmAsked;
  readonly runs: number;
}

export interface Stages {
  /** With the codec's own time, which is spent where the head runs. */
  readonly headMs: number;
  readonly uploadMs: number;
  /** With the decoding before it. */
  readonly tailMs: number;
  readonly totalMs: number;
  readonly bytesUp: number;
}

/** One run after the other by one arm. @returns each run's stages */
export async function oneAfterTheOther({ arm, runs }: StagesRequest): Promise<Stages[]> {
  const stages: Stages[] = [];
  for (let run = 0; run < runs; run++) stages.push(stagesOf((await theSession().runImage(thePicture(), arm)).trace));
  return stages;
}

export interface StreamRequest {
  readonly arm: ArmAsked;
  /** Answers that count. */
  readonly frames: number;
  /** Answers before those: the stages fill. */
  readonly warmUpFrames: number;
  /** Between two frames of the source, which is faster than any answer. */
  readonly gapMs: number;
}

const AFTER_MS = 300;

/** @returns ms in which so many frames were answered */
export async function stream({ arm, frames, warmUpFrames, gapMs }: StreamRequest): Promise<number> {
  const session = theSession();
  session.forceCut(arm.cut, arm.codec);
  let answers = 0;
  let startMs = 0;
  for await (const { result } of session.stream(camera(gapMs))) {
    if (result.trace.cut !== arm.cut) throw new Error(`cut ${result.trace.cut} ran instead of ${arm.cut}`);
    answers += 1;
    if (answers === warmUpFrames) startMs = performance.now();
    if (answers === warmUpFrames + frames) break;
  }
  const passedMs = performance.now() - startMs;
  session.forceCut(undefined);
  // Frames that were under way are given up; what comes next must not meet them.
  await new Promise((resolve) => setTimeout(resolve, AFTER_MS));
  return passedMs;
}

async function* camera(gapMs: number): AsyncGenerator<ImageBitmap> {
  for (;;) {
    yield thePicture();
    await new Promise((resolve) => setTimeout(resolve, gapMs));
  }
}

function stagesOf({ headMs, encodeMs, uploadMs, tailMs, totalMs, bytesUp, edge }: Trace): Stages {
  return { headMs: headMs + encodeMs, uploadMs, tailMs: tailMs + (edge?.decodeMs ?? 0), totalMs, bytesUp };
}
