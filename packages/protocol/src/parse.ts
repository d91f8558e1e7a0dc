import { MAX_FRAME_BYTES } from './chunk.js';
import { ProtocolError } from './errors.js';
import { type Manifest, manifestSchema } from './manifest.js';
import { type ClientMessage, clientMessageSchema, type EdgeMessage, edgeMessageSchema } from './messages.js';
import { type ModelList, modelListSchema } from './models.js';
import { Mismatch, type Schema } from './schema.js';

/** Reads a text message that a client sent. */
export function parseClientMessage(text: string): ClientMessage | ProtocolError {
  return parseText(clientMessageSchema, text);
}

/** Reads a text message that the edge sent. */
export function parseEdgeMessage(text: string): EdgeMessage | ProtocolError {
  return parseText(edgeMessageSchema, text);
}

/** Reads the list of models that an edge serves. */
export function parseModelList(value: unknown): ModelList | ProtocolError {
  return check(modelListSchema, value);
}

export function parseManifest(value: unknown): Manifest | ProtocolError {
  return check(manifestSchema, value);
}

function parseText<T>(schema: Schema<T>, text: string): T | ProtocolError {
  // Characters, not bytes: never above the bytes, so nothing legal is refused.
  if (text.length > MAX_FRAME_BYTES) {
    return new ProtocolError('frame_too_large', `a message of ${text.length} characters; at most ${MAX_FRAME_BYTES}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return new ProtocolError('bad_json', 'a text message must be one JSON object', { cause });
  }
  return check(schema, value);
}

/** The value as its schema has it, or what is wrong with it and where. */
export function check<T>(schema: Schema<T>, value: unknown): T | ProtocolError {
  try {
    return schema(value);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    const { path, message } = error;
    return new ProtocolError('bad_message', path === '' ? message : `${path}: ${message}`);
  }
}
