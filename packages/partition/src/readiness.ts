/** Whether an arm can be run, as decisions and their records have it: weights here, session warm, */
export const READY = 1;
/** not yet, */
export const UNREADY = 0;
/** or never: it must not be prepared. */
export const UNATTAINABLE = -1;
