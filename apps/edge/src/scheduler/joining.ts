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
  /** Whether its client, or its connection among those of its client, waits for the others, because it had too much. */
  hadTooMuch(job: Job, owner: Owner): boolean;
}

/** Between whose requests turns are fair. */
type Owner = 'client' | 'connection';

/**
 * Who shares the run of the job whose turn it is: other jobs of its tail in the order of their turns, as many as the run may have.
 *
 * Whoever is next in line joins. Who would pass others that wait for other tails joins only
 * - when its client has nothing in the run yet: by sending many requests nobody gets more of them in front of others than in the line,
 * - when its client had not too much of the edge lately,
 * - when none of the passed that would have been in time after the first job alone becomes late by it.
 * Of those of its own client it passes other connections by the same rules for connections, and its own requests freely.
 * Nobody joins whose deadline the longer run would miss, or who would make another in the run miss its own.
 *
 * @param waiting the others that are here, in the order of their turns
 */
export function joining(first: Due, waiting: Iterable<Due>, rules: JoiningRules): readonly Due[] {
  const { batching } = first.job;
  const members = [first];
  const passed: Due[] = [];
  if (batching === undefined) return [];
  const mayPass = (job: Job, other: Due): boolean => {
    const owner = ownerApart(job, other.job);
    const isFair =
      owner === undefined ||
      (members.every((member) => member.job[owner] !== job[owner]) && !rules.hadTooMuch(job, owner));
    return isFair && (!rules.canFollow(other, 1) || rules.canFollow(other, members.length + 1));
  };
  for (const due of waiting) {
    if (members.length >= batching.maxSize) break;
    const fits =
      due.job.batching === batching &&
      passed.every((other) => mayPass(due.job, other)) &&
      [...members, due].every((member) => rules.isInTime(member, members.length + 1));
    if (fits) members.push(due);
    else passed.push(due);
  }
  return members.slice(1);
}

/** The widest owner that two jobs do not share. */
function ownerApart(one: Job, other: Job): Owner | undefined {
  if (one.client !== other.client) return 'client';
  return one.connection === other.connection ? undefined : 'connection';
}
