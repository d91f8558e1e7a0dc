/** Work through the queue of the edge that is not ours, as independent arrivals, in idle ms of work per ms. */
export interface OpenArrivals {
  /** While a burst lasts, and between bursts. Equal where there are none. */
  readonly on: number;
  readonly off: number;
  /** Mean length of a burst and of the time between two; `Infinity` for one state only. */
  readonly onMs: number;
  readonly offMs: number;
}

/** Processes outside of the queue that share the accelerator: while n of them run, everything takes 1 + n times as long. */
export interface CoTenants {
  readonly count: number;
  /** Mean time for which one runs, and rests. */
  readonly onMs: number;
  readonly offMs: number;
}

/** One level of background load. */
export interface LoadLaw {
  readonly name: string;
  readonly arrivals: OpenArrivals | undefined;
  /** Clients with always one request waiting or running: the next is sent when the answer is there. */
  readonly closedClients: number;
  readonly coTenants: CoTenants | undefined;
}

/** A level for some time. */
export interface LoadPhase {
  readonly law: LoadLaw;
  readonly startMs: number;
  readonly endMs: number;
}

/** Levels one after the other, each for the same time. */
export function phasesOf(laws: readonly LoadLaw[], eachMs: number, startMs = 0): LoadPhase[] {
  return laws.map((law, index) => ({ law, startMs: startMs + index * eachMs, endMs: startMs + (index + 1) * eachMs }));
}

/** The level at some time; the last one holds for ever. */
export function phaseAt(phases: readonly LoadPhase[], atMs: number): number {
  let index = 0;
  while (index < phases.length - 1 && (phases[index]?.endMs ?? 0) <= atMs) index++;
  return index;
}

/** Something that is either on or off, for exponentially distributed times: when it changes next. */
export function meanStayMs(isOn: boolean, { onMs, offMs }: { readonly onMs: number; readonly offMs: number }): number {
  return isOn ? onMs : offMs;
}

/** Rate at which the number of running co-tenants changes, per ms, and the chance that it grows then. */
export function tenantChange(running: number, { count, onMs, offMs }: CoTenants): { rate: number; grows: number } {
  const up = (count - running) / offMs;
  const down = running / onMs;
  return { rate: up + down, grows: up / (up + down) };
}
