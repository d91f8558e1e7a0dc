/**
 * The smallest network there is, `y = Identity(x)` of one number: creating it makes onnxruntime-web fetch and compile
 * its wasm, which no call of its own does.
 */
export const SMALLEST_GRAPH = Uint8Array.from(
  atob('CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEA0='),
  (character) => character.charCodeAt(0),
);
