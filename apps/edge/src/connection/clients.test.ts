import { expect, it } from 'vitest';
import { type Client, Clients } from './clients.js';

function make() {
  const now = { ms: 0 };
  const forgotten: Client[] = [];
  const clients = new Clients({
    maxMessagesPerS: 10,
    clock: () => now.ms,
    onForgotten: (client) => forgotten.push(client),
  });
  return { now, forgotten, clients };
}

const connection = () => ({ numUnanswered: 2, numReserved: 1 });

it('counts what a client has, on all its connections and over HTTP', () => {
  const { clients } = make();
  const ada = clients.join('ada');
  const [first, second] = [connection(), connection()];
  for (const each of [first, second]) clients.connect('ada', each);
  const countOut = clients.countIn('ada');
  expect(ada).toMatchObject({ numUnanswered: 5, numReserved: 2 });
  expect([clients.numConnections('ada'), clients.numConnections('eve')]).toEqual([2, 0]);
  countOut();
  clients.leave('ada', first);
  expect(ada).toMatchObject({ numUnanswered: 2, numReserved: 1 });
});

it('knows a client again for half a minute after all that it had is gone', () => {
  const { now, forgotten, clients } = make();
  const ada = clients.join('ada');
  const own = connection();
  clients.connect('ada', own);
  now.ms = 100_000;
  expect(clients.join('ada'), 'still here').toBe(ada);
  clients.leave('ada', own);
  now.ms = 129_000;
  expect(clients.join('ada')).toBe(ada);
  now.ms = 160_000;
  expect(clients.join('ada')).not.toBe(ada);
  expect(forgotten).toEqual([ada]);
});

it('forgets the longest gone first when too many came and went', () => {
  const { forgotten, clients } = make();
  const first = clients.join('0');
  clients.countIn('busy');
  for (let index = 1; index < 5_000; index += 1) clients.join(String(index));
  expect(forgotten[0]).toBe(first);
  expect(forgotten.length).toBeGreaterThan(5_000 - 4_096 - 2);
  expect(forgotten.length).toBeLessThan(5_000 - 4_096 + 2);
});
