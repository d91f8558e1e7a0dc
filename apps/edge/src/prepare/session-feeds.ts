import type { RuntimeSession, RuntimeTensors } from '@cutpoint/onnx';

/** Of what is there, what a session takes. */
export function feedsOf(session: RuntimeSession, available: RuntimeTensors): RuntimeTensors {
  const wanted = session.inputs.map(({ name }) => [name, available[name]] as const);
  return Object.fromEntries(wanted.flatMap(([name, tensor]) => (tensor === undefined ? [] : [[name, tensor]])));
}
