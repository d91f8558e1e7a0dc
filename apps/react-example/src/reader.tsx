import { CutpointError, type Session } from '@cutpoint/client';
import { useCutpoint, useTrace } from '@cutpoint/react';
import { type ReactElement, useState } from 'react';
import { answerOf } from './answer.js';

/** One model: connecting, failed, or ready to read a picture. */
export function Reader({ model }: { model: string }): ReactElement {
  const cutpoint = useCutpoint(model);
  switch (cutpoint.status) {
    case 'connecting':
      return <p role="status">Connecting … {cutpoint.progress?.detail}</p>;
    case 'failed':
      return (
        <p role="alert">
          {cutpoint.error.message}{' '}
          <button type="button" onClick={cutpoint.retry}>
            Try again
          </button>
        </p>
      );
    case 'ready':
      return (
        <>
          <p role="status">
            {cutpoint.connection}, heads on {cutpoint.device?.kind ?? 'nothing yet'}
          </p>
          <Pictures session={cutpoint.session} />
        </>
      );
  }
}

function Pictures({ session }: { session: Session }): ReactElement {
  const trace = useTrace(session);
  const [answer, setAnswer] = useState('');

  async function read(picture: File) {
    try {
      setAnswer(answerOf(await session.runImage(picture), session.manifest));
    } catch (error) {
      // The page went on to another model meanwhile.
      if (error instanceof CutpointError && error.code === 'closed') return;
      setAnswer(error instanceof Error ? error.message : String(error));
    }
  }

  return (
    <>
      <label>
        Picture{' '}
        <input
          type="file"
          accept="image/*"
          onChange={({ target }) => {
            const [picture] = target.files ?? [];
            if (picture) void read(picture);
          }}
        />
      </label>
      <output>{answer}</output>
      {trace && (
        <p data-trace={trace.id}>
          {trace.totalMs.toFixed()} ms, cut at {trace.cut}: {trace.bytesUp} bytes sent
        </p>
      )}
    </>
  );
}
