import { type ConnectOptions, CutpointError, type Session } from '@cutpoint/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keyOf, OpenSessions } from './open-sessions.js';

// Who opens, joins and closes when. With real sessions, a real edge and React it is tested in e2e/embed.

/** One call of `connect`, settled by the test. */
interface Call extends ConnectOptions {
  readonly resolve: (session: Session) => void;
  readonly reject: (error: Error) => void;
}

const calls: Call[] = [];
let sessions: OpenSessions;

beforeEach(() => {
  vi.useFakeTimers();
  calls.length = 0;
  sessions = new OpenSessions(
    { url: 'https://edge.example', token: 'secret' },
    (_, options) =>
      new Promise((resolve, reject) => {
        options.signal?.addEventListener('abort', () => reject(CutpointError.aborted(options.signal)));
        calls.push({ ...options, resolve, reject });
      }),
  );
});
afterEach(() => {
  vi.useRealTimers();
});

const A = { model: 'a', options: {} };
const B = { model: 'b', options: {} };
const key = keyOf;
const settled = () => vi.advanceTimersByTimeAsync(0);

/** As much of a session as is used here. */
function session() {
  const close = vi.fn(async () => {
    parts.state = 'closed';
  });
  const parts = { state: 'online', device: { kind: 'wasm' }, on: () => () => {}, close };
  return { close, session: parts as unknown as Session };
}

describe('the sessions of an edge', () => {
  it('opens one for all that want the same, and closes it after the last', async () => {
    const onChange = vi.fn();
    const letGo = [sessions.hold(A, onChange), sessions.hold({ model: 'a', options: {} }, onChange)];
    await settled();
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ model: 'a', token: 'secret' });
    const { close, session: opened } = session();
    calls[0]?.resolve(opened);
    await settled();
    expect(sessions.status(key(A))).toMatchObject({ status: 'ready', session: opened, connection: 'online' });
    expect(onChange).toHaveBeenCalledTimes(2);

    letGo[0]?.();
    letGo[0]?.();
    await settled();
    expect(close).not.toHaveBeenCalled();
    letGo[1]?.();
    expect(close).not.toHaveBeenCalled();
    await settled();
    expect(close).toHaveBeenCalledTimes(1);
    expect(sessions.status(key(A)).status).toBe('connecting');
  });

  it('survives being let go of and held again at once, as strict mode does', async () => {
    sessions.hold(A, () => {})();
    sessions.hold(A, () => {});
    await settled();
    expect(calls).toHaveLength(1);
    expect(calls[0]?.signal?.aborted).toBe(false);
  });

  it('gives up connecting when the last lets go, and begins anew for the next', async () => {
    const letGo = sessions.hold(A, () => {});
    await settled();
    letGo();
    await settled();
    expect(calls[0]?.signal?.aborted).toBe(true);
    sessions.hold(A, () => {});
    await settled();
    expect(calls).toHaveLength(2);
    expect(calls[1]?.signal?.aborted).toBe(false);
  });

  it('closes a session that comes although nobody waits any more', async () => {
    const { close, session: late } = session();
    const deaf = new OpenSessions({ url: '/' }, async () => late);
    deaf.hold(A, () => {})();
    vi.advanceTimersByTime(0);
    expect(close).not.toHaveBeenCalled();
    await settled();
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('has the next model join the connection of the one before, that closes only then', async () => {
    const letGo = sessions.hold(A, () => {});
    await settled();
    const { close, session: first } = session();
    calls[0]?.resolve(first);
    await settled();

    letGo();
    sessions.hold(B, () => {});
    await settled();
    expect(calls[1]).toMatchObject({ model: 'b', share: first });
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('lets the second wait for the first, and go alone when that fails', async () => {
    sessions.hold(A, () => {});
    sessions.hold(B, () => {});
    await settled();
    expect(calls.map(({ model }) => model)).toEqual(['a']);
    calls[0]?.reject(new CutpointError('unknown_model', 'no such model'));
    await settled();
    expect(calls.map(({ model }) => model)).toEqual(['a', 'b']);
    expect(calls[1]?.share).toBeUndefined();
  });

  it('tells why it failed, and tries again when it is asked to', async () => {
    const seen: string[] = [];
    sessions.hold(A, () => seen.push(sessions.status(key(A)).status));
    await settled();
    const error = new CutpointError('edge_unreachable', 'nobody there');
    calls[0]?.reject(error);
    await settled();
    const failed = sessions.status(key(A));
    if (failed.status !== 'failed') throw new Error(failed.status);
    expect(failed.error).toBe(error);

    failed.retry();
    failed.retry();
    await settled();
    expect(calls).toHaveLength(2);
    const { session: opened } = session();
    calls[1]?.resolve(opened);
    await settled();
    expect(seen).toEqual(['failed', 'connecting', 'ready']);
  });

  it('says how far it is until there is a session', async () => {
    sessions.hold(A, () => {});
    await settled();
    const progress = { stage: 'manifest', loadedBytes: 0, totalBytes: 0 } as const;
    calls[0]?.onProgress?.(progress);
    expect(sessions.status(key(A))).toEqual({ status: 'connecting', progress });
    const { session: opened } = session();
    calls[0]?.resolve(opened);
    await settled();
    calls[0]?.onProgress?.({ ...progress, stage: 'weights' });
    expect(sessions.status(key(A)).status).toBe('ready');
  });

  it('knows options by what they say', () => {
    const one = key({ model: 'a', options: { policy: 'local', keepInputOnDevice: true } });
    expect(key({ model: 'a', options: { keepInputOnDevice: true, policy: 'local' } })).toBe(one);
    expect(key({ model: 'a', options: { keepInputOnDevice: false, policy: 'local' } })).not.toBe(one);
  });
});
