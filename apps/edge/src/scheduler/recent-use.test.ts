import { describe, expect, it } from 'vitest';
import { RecentUse } from './recent-use.js';

const [greedy, modest, other] = [{}, {}, {}];

function useOf(nowMs: number, ...uses: readonly (readonly [object, number])[]): RecentUse {
  const use = new RecentUse();
  for (const [client, ms] of uses) use.add(client, ms, nowMs);
  return use;
}

describe('a client has had more than its share', () => {
  it('with twice what the others had in the mean, and some turns more', () => {
    const judged = useOf(0, [greedy, 410], [modest, 100], [other, 300]).judge(0);
    expect(judged(greedy, 10)).toBe(true);
    expect(judged(other, 10), 'not twice as much').toBe(false);
    expect(judged(greedy, 50), 'its turns are long').toBe(false);
    expect(judged({}, 10), 'never seen').toBe(false);
  });

  it('never when it is alone', () => {
    expect(useOf(0, [greedy, 1e6]).judge(0)(greedy, 1)).toBe(false);
  });

  it('until the others had theirs, or it is long ago', () => {
    const use = useOf(0, [greedy, 800], [modest, 100]);
    expect(use.judge(0)(greedy, 10)).toBe(true);
    expect(use.judge(60_000)(greedy, 10), 'what counts in ms has faded').toBe(false);
    use.add(other, 700, 0);
    expect(use.judge(0)(greedy, 10)).toBe(false);
    use.forget(other);
    expect(use.judge(0)(greedy, 10), 'those who are gone do not count').toBe(true);
    use.add(other, 700, 0);
    expect(use.judge(0)(greedy, 10), 'nor does what still ran for them').toBe(true);
  });

  it('hardly ever by chance: of 64 clients alike, whose requests come at random, almost none waits', () => {
    let state = 1;
    const random = () => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const clients = Array.from({ length: 64 }, () => ({}));
    let [asked, waited] = [0, 0];
    for (const turnMs of [5, 50, 500]) {
      const use = new RecentUse();
      // Four fifths of a worker.
      for (let nowMs = 0; nowMs < 400_000; nowMs += turnMs / 0.8) {
        const client = clients[Math.floor(random() * clients.length)] ?? {};
        if (nowMs > 40_000) {
          asked += 1;
          if (use.judge(nowMs)(client, turnMs)) waited += 1;
        }
        use.add(client, turnMs, nowMs);
      }
    }
    expect(waited / asked).toBeLessThan(0.005);
  });
});
