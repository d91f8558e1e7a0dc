import type { Job } from './job.js';

/** A job that waits, and until when it must have been begun. */
export interface Due {
  readonly job: Job;
  readonly deadlineAtMs: number;
}

export interface JoiningRules {
  /** Whether a run of so many, all of one tail, that begins now is done by then. */
  isInTime(due: Due, size: number): boolean;
  /** Whether a job can be begun in time after a run of so many of this tail that begins now. */
  canFollow(due: Due, size: number): boolean;
  /** Whether its client, or its connection, waits for all others, because it had too much. */
  hadTooMuch(job: Job): boolean;
}

/**
 * Who shares the run of the job whose turn it is: other jobs of its tail in the order of their turns, as many as the run may have.
 *
 * Whoever is next in line joins. Who would pass others that wait for other tails joins only
 * - when its client has nothing in the run yet: by sending many requests nobody gets more of them in front of others than in the line,
 * - when its client had not too much of the edge lately,
 * - when none of the passed that would have been in time after the first job alone becomes late by it.
 * Nobody joins whose deadline the longer run would miss, or who would make another in the run miss its own.
 *
 * @param waiting the others that are here, in the order of their turns
 */
export function joining(first: Due, waiting: Iterable<Due>, rules: JoiningRules): readonly Due[] {
  const { batching } = first.job;
  const members = [first];
  const passed: Due[] = [];
  if (batching === undefined) return [];
  for (const due of waiting) {
    if (members.length >= batching.maxSize) break;
    const size = members.length + 1;
    const mayPass =
      passed.length === 0 ||
      (members.every(({ job }) => job.client !== due.job.client) &&
        !rules.hadTooMuch(due.job) &&
        passed.every((other) => !rules.canFollow(other, 1) || rules.canFollow(other, size)));
    const fits = due.job.batching === batching && mayPass;
    if (fits && [...members, due].every((member) => rules.isInTime(member, size))) members.push(due);
    else passed.push(due);
  }
  return members.slice(1);
}
