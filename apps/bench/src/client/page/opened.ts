import { type Codec, connect, type PolicyName, type Session } from '@cutpoint/client';

/** An arm, asked for by name. */
export interface ArmAsked {
  readonly cut: number;
  readonly codec: Codec;
}

export interface OpenRequest {
  readonly model: string;
  readonly picture: string;
  readonly policy?: PolicyName;
  readonly keepInputOnDevice?: boolean;
}

/** What is known of an arm before it ran here. */
export interface ArmFacts extends ArmAsked {
  readonly headMs: number;
  readonly tailMs: number;
  readonly bytesUp: number;
  readonly usesEdge: boolean;
}

export interface Opened {
  /** Where heads run, in plain words. */
  readonly device: string;
  readonly arms: readonly ArmFacts[];
}

let opened: { readonly session: Session; readonly picture: ImageBitmap } | undefined;

export function theSession(): Session {
  if (!opened) throw new Error('open first');
  return opened.session;
}

export function thePicture(): ImageBitmap {
  if (!opened) throw new Error('open first');
  return opened.picture;
}

/** Connects, and has the edge answer once. */
export async function open({
  model,
  picture: url,
  policy = 'offload',
  keepInputOnDevice,
}: OpenRequest): Promise<Opened> {
  const picture = await createImageBitmap(await (await fetch(url)).blob());
  const constraint = keepInputOnDevice === undefined ? {} : { keepInputOnDevice };
  const session = await connect('/', { model, policy, ...constraint });
  opened = { session, picture };
  await session.runImage(picture);
  return { device: session.device.reason, arms: armsOf(session) };
}

function armsOf(session: Session): ArmFacts[] {
  return (session.explain()?.candidates ?? []).map(({ arm }) => {
    const { cut, codec, headMs, tailMs, bytesUp, usesEdge } = arm;
    return { cut, codec, headMs, tailMs, bytesUp, usesEdge };
  });
}
