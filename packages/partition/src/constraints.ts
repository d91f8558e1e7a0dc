import type { Arm, Codec } from './arm.js';

/** What the application asks for beyond speed. */
export interface Constraints {
  /** Nothing crosses that is the input, or that only casts and resizes made of it. Default false. */
  readonly keepInputOnDevice?: boolean;
  /** Most that a codec may cost in accuracy, 0..1 as {@link Arm.accuracyDrop}; an arm that costs more is never chosen. */
  readonly maxAccuracyDrop?: number;
  /** Whatever crosses travels by one of these. Absent means by any; what crosses nothing is never excluded. */
  readonly codecs?: readonly Codec[] | undefined;
  /**
   * Mean of what inferences may send. An inference is never refused for it: when no arm fits in what is left, the one
   * that sends least runs, and the debt is paid by those after it.
   */
  readonly maxUplinkBytesPerSecond?: number | undefined;
  /** ms in which an inference should be done: the fastest arm among those that very likely make it. */
  readonly deadlineMs?: number | undefined;
}

/** What the decision minimises: the latency of one inference, or the slowest stage of a stream of them. */
export type Objective = 'latency' | 'throughput';

/** Whether an arm may ever be used under these constraints; what depends on the moment is not looked at. */
export function permits({ keepInputOnDevice, maxAccuracyDrop, codecs }: Constraints, arm: Arm): boolean {
  if (keepInputOnDevice === true && arm.usesEdge && (arm.cut === 0 || arm.sendsInput === true)) return false;
  if (codecs !== undefined && arm.usesEdge && !codecs.includes(arm.codec)) return false;
  return maxAccuracyDrop === undefined || (arm.accuracyDrop ?? 0) <= maxAccuracyDrop;
}
