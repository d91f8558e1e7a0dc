import { type Codec, type ConnectOptions, connect, type RunOptions, type Session } from '@cutpoint/client';

/** An arm, asked for by name. */
export interface ArmAsked {
  readonly cut: number;
  readonly codec: Codec;
}

export interface OpenRequest
  extends Pick<ConnectOptions, 'device' | 'policy' | 'keepInputOnDevice' | 'maxAccuracyDrop'> {
  readonly model: string;
  /** Address of what is classified. Without it the model is run on tensors. */
  readonly picture?: string;
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

let opened: { readonly session: Session; readonly picture: ImageBitmap | undefined } | undefined;

export function theSession(): Session {
  if (!opened) throw new Error('open first');
  return opened.session;
}

export function thePicture(): ImageBitmap {
  if (!opened?.picture) throw new Error('open with a picture first');
  return opened.picture;
}

/** Connects, and has the edge answer once. */
export async function open({ model, picture: url, policy = 'offload', ...options }: OpenRequest): Promise<Opened> {
  const picture = url === undefined ? undefined : await createImageBitmap(await (await fetch(url)).blob());
  // Its weights would come while others are counted.
  const session = await connect('/', { model, policy, rescue: 'off', ...options });
  opened = { session, picture };
  const { reason } = await session.ready();
  await runOnce({});
  return { device: reason, arms: armsOf(session) };
}

/** On the picture, or on zeros where the model is run on tensors. */
export async function runOnce(options: RunOptions): Promise<void> {
  if (opened?.picture) {
    await opened.session.runImage(opened.picture, options);
    return;
  }
  const session = theSession();
  // Any build has it.
  const { Tensor } = await import('onnxruntime-web/wasm');
  const inputs = session.manifest.variants.find(({ kind }) => kind === 'tensors')?.inputs ?? [];
  const feeds = inputs.map(({ name, dims }) => {
    const count = dims.reduce((product, dim) => product * dim, 1);
    return [name, new Tensor('float32', new Float32Array(count), [...dims])] as const;
  });
  await session.run(Object.fromEntries(feeds), options);
}

function armsOf(session: Session): ArmFacts[] {
  return (session.explain()?.candidates ?? []).map(({ arm }) => {
    const { cut, codec, headMs, tailMs, bytesUp, usesEdge } = arm;
    return { cut, codec, headMs, tailMs, bytesUp, usesEdge };
  });
}
