import assert from 'node:assert/strict';
import { payloadsTarget, picturesTarget } from './decoding-targets.mjs';
import { kserveModule, protocolModule } from './modules.mjs';

/**
 * What is fuzzed: everything that reads bytes of strangers before anything is known of them. A target throws when an input
 * brought about anything but a value that holds what it promises, or a `ProtocolError`.
 * @typedef {import('./fuzzer.mjs').Target} Target
 */

/** By name; each is loaded when it is asked for, after coverage was connected. @type {Record<string, () => Promise<Target>>} */
export const TARGETS = {
  frames: framesTarget,
  messages: messagesTarget,
  infer: inferTarget,
  pictures: picturesTarget,
  payloads: payloadsTarget,
  answers: answersTarget,
};

/** Binary frames: any bytes as one frame, and as several, each behind its length, as one payload. */
async function framesTarget() {
  const { decodeChunk, chunksOf, PayloadAssembler, ProtocolError, MAX_FRAME_BYTES } = await import(
    `${protocolModule}index.js`
  );
  const MAX_PAYLOAD = 4_096;
  const one = (bytes) => {
    const chunk = decodeChunk(bytes);
    if (chunk instanceof ProtocolError) return undefined;
    assert.ok(bytes.byteLength <= MAX_FRAME_BYTES);
    assert.equal(chunk.bytes.byteLength, bytes.byteLength - 16);
    assert.ok(chunk.bytes.byteLength > 0);
    return chunk;
  };
  const run = (bytes) => {
    one(bytes);
    const numBytes = bytes.byteLength >= 2 ? bytes.readUInt16LE(0) % MAX_PAYLOAD : 0;
    const assembler = new PayloadAssembler(numBytes);
    const taken = [];
    for (let at = 2; at + 2 <= bytes.byteLength; ) {
      const length = bytes.readUInt16LE(at);
      const chunk = one(bytes.subarray(at + 2, at + 2 + length));
      at += 2 + length;
      if (chunk !== undefined && assembler.accept(chunk, at) === undefined) taken.push(...chunk.bytes);
      assert.ok(assembler.receivedBytes <= numBytes);
    }
    assert.equal(assembler.complete, taken.length === numBytes);
    assert.deepEqual([...assembler.payload.subarray(0, assembler.receivedBytes)], taken);
  };
  const framed = (parts) => {
    const frames = [...chunksOf(7, parts, { minBytes: 4, targetChunks: 3 })];
    const total = Buffer.alloc(2);
    total.writeUInt16LE(parts.reduce((sum, part) => sum + part.byteLength, 0));
    return Buffer.concat([
      total,
      ...frames.flatMap((frame) => [Buffer.from([frame.byteLength & 255, frame.byteLength >> 8]), frame]),
    ]);
  };
  const [frame] = chunksOf(1, [Buffer.from('abcd')]);
  return {
    run,
    words: [],
    maxBytes: 2_048,
    seeds: [Buffer.from(frame), framed([Buffer.from('hello, world')]), framed([])],
  };
}

/** Text messages, and the tensors of an `infer` in what follows its line. */
async function messagesTarget() {
  const { parseClientMessage, checkTensorHeaders, checkExpectedTensors, decodeTensors, tensorBytes, ProtocolError } =
    await import(`${protocolModule}index.js`);
  const MAX_PAYLOAD = 65_536;
  const run = (bytes) => {
    const end = bytes.indexOf(10);
    const message = parseClientMessage(bytes.subarray(0, end < 0 ? undefined : end).toString());
    if (message instanceof ProtocolError || message.type !== 'infer') return;
    const { tensors, numBytes } = message;
    if (checkTensorHeaders(tensors, numBytes) !== undefined || numBytes > MAX_PAYLOAD) return;
    assert.equal(checkExpectedTensors(tensors, tensors), undefined);
    const payload = new Uint8Array(numBytes);
    payload.set(bytes.subarray(end + 1, end + 1 + numBytes));
    let decoded;
    try {
      decoded = decodeTensors(tensors, payload);
    } catch (error) {
      if (error instanceof ProtocolError) return;
      throw error;
    }
    for (const { header, bytes: own } of decoded) assert.equal(own.byteLength, tensorBytes(header.type, header.dims));
  };
  const infer = (tensors, data = '') =>
    Buffer.from(
      `${JSON.stringify({ type: 'infer', id: 1, model: 'm', table: 'a'.repeat(64), cut: 3, tensors, numBytes: tensors.reduce((sum, { numBytes }) => sum + numBytes, 0), deadlineMs: 5 })}\n${data}`,
    );
  const tensor = { name: 'x', type: 'float32', dims: [2, 2] };
  const seeds = [
    infer([{ ...tensor, codec: 'raw', numBytes: 16 }], '0123456789abcdef'),
    infer([{ ...tensor, codec: 'f16', numBytes: 8 }], '01234567'),
    infer([{ ...tensor, codec: 'u8', scale: 0.5, min: -1, numBytes: 4 }], '0123'),
    infer([
      { ...tensor, type: 'float16', codec: 'u8', scale: 0.5, min: -1, numBytes: 4 },
      { name: 'i', type: 'int64', dims: [], codec: 'raw', numBytes: 8 },
    ]),
    infer([
      { name: 'p', type: 'uint8', dims: [2, 2, 3], codec: 'jpeg', numBytes: 9 },
      { ...tensor, codec: 'raw', deflated: true, numBytes: 7 },
    ]),
    ...[
      { type: 'reserve', id: 1, model: 'm', table: 'b'.repeat(64), cut: 0 },
      { type: 'cancel', id: 2 },
      { type: 'ping', id: 3 },
      { type: 'probe', id: 4, numBytes: 100 },
    ].map((message) => Buffer.from(JSON.stringify(message))),
  ];
  const words = [
    '"float16"',
    '"uint8"',
    '"bool"',
    '"f16"',
    '"u8"',
    '"webp"',
    '"deflated":true,',
    '"scale":0,',
    '"__proto__":',
    '\n',
  ];
  return { run, words, maxBytes: 2_048, seeds };
}

/** Bodies of inference requests: the first two bytes say where the JSON ends. */
async function inferTarget() {
  const { ProtocolError, tensorBytes } = await import(`${protocolModule}index.js`);
  const { readInferRequest } = await import(`${kserveModule}infer-request.js`);
  const { writeInferResponse } = await import(`${kserveModule}infer-response.js`);
  const tensor = (name, type, dims) => ({ name, type, dims });
  const contracts = [
    { inputs: [tensor('x', 'float32', [2, 2]), tensor('n', 'int64', [])], outputs: [tensor('y', 'float32', [2, 2])] },
    {
      inputs: [tensor('h', 'float16', [3]), tensor('b', 'bool', [2])],
      outputs: [tensor('y', 'uint8', [0]), tensor('z', 'bool', [1])],
    },
  ];
  const NO_HEADER = 0xffff;
  const run = (bytes) => {
    if (bytes.byteLength < 2) return;
    const jsonBytes = bytes.readUInt16LE(0);
    const body = new Uint8Array(bytes.subarray(2));
    let request;
    try {
      request = readInferRequest(body, jsonBytes === NO_HEADER ? undefined : jsonBytes, contracts);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      assert.ok(error.message.length < 1_000);
      return;
    }
    const { inputs, outputs } = contracts[request.contract];
    assert.equal(
      request.payload.byteLength,
      inputs.reduce((sum, { type, dims }) => sum + tensorBytes(type, dims), 0),
    );
    for (const { name } of request.outputs) assert.ok(outputs.some((output) => output.name === name));
    checkRoundTrip(request, inputs);
  };
  /** What was read can be written as JSON, and read again. */
  const checkRoundTrip = ({ payload, id, contract }, inputs) => {
    const tensors = inputs.map((info) => ({ ...info, codec: 'raw', numBytes: tensorBytes(info.type, info.dims) }));
    const outputs = inputs.map(({ name }) => ({ name, isBinary: false }));
    let written;
    try {
      written = writeInferResponse({ modelName: 'm', modelVersion: '1', id, outputs, tensors, payload });
    } catch (error) {
      if (error instanceof ProtocolError) return;
      throw error;
    }
    const answer = JSON.parse(Buffer.from(written.body).toString());
    const again = Buffer.from(JSON.stringify({ inputs: answer.outputs }));
    // Integers of 64 bits are given exactly, and only taken where a double holds them.
    if (answer.outputs.some(({ data }) => data.some((value) => Math.abs(value) > Number.MAX_SAFE_INTEGER))) return;
    const read = readInferRequest(new Uint8Array(again), undefined, contracts);
    assert.equal(read.contract, contract);
    // Any byte but 0 is true; what is written is 1.
    if (contract === 0) assert.deepEqual(read.payload.map(noMinusZero), payload.map(noMinusZero));
  };
  const noMinusZero = (byte) => (byte === 0x80 ? 0 : byte);

  const x = { name: 'x', shape: [2, 2], datatype: 'FP32' };
  const n = { name: 'n', shape: [], datatype: 'INT64' };
  const h = { name: 'h', shape: [3], datatype: 'FP16' };
  const b = { name: 'b', shape: [2], datatype: 'BOOL' };
  const size = (binary_data_size) => ({ parameters: { binary_data_size } });
  const body = (request, binary = '', hasHeader = binary !== '') => {
    const json = Buffer.from(JSON.stringify(request));
    const head = Buffer.alloc(2);
    head.writeUInt16LE(hasHeader ? json.byteLength : NO_HEADER);
    return Buffer.concat([head, json, Buffer.from(binary)]);
  };
  const seeds = [
    body({
      inputs: [
        {
          ...x,
          data: [
            [1, 2.5],
            [-3, 4],
          ],
        },
        { ...n, data: [7] },
      ],
    }),
    body(
      {
        id: 'a',
        inputs: [
          { ...x, ...size(16) },
          { ...n, ...size(8) },
        ],
        parameters: { binary_data_output: true, timeout: 9 },
      },
      '0123456789abcdef01234567',
    ),
    body({
      inputs: [
        { ...b, data: [true, 0] },
        { ...h, data: [1, 1e-7, 65519] },
      ],
      outputs: [{ name: 'z', parameters: { binary_data: true } }],
    }),
    body(
      {
        inputs: [
          { ...h, ...size(6) },
          { ...b, data: [false, true] },
        ],
        outputs: [{ name: 'y' }],
      },
      '012345',
    ),
  ];
  const words = [
    '"inputs":',
    '"outputs":',
    '"shape":',
    '"datatype":',
    '"FP16"',
    '"BOOL"',
    '"binary_data_size":16',
    '"binary_data":true',
    '"classification":1',
    '"shared_memory_region":"r"',
    '"__proto__":',
    '[[',
    ']]',
    '1e38',
    '\u0000',
    '\ud83d',
  ];
  return { run, words, maxBytes: 2_048, seeds };
}

/** Text messages of an edge, as a client reads them. What is read is read the same again. */
async function answersTarget() {
  const { parseEdgeMessage, ProtocolError } = await import(`${protocolModule}index.js`);
  const run = (bytes) => {
    const message = parseEdgeMessage(bytes.toString());
    if (!(message instanceof ProtocolError)) assert.deepEqual(parseEdgeMessage(JSON.stringify(message)), message);
  };
  const load = {
    ...{ atMs: 1, queueDepth: 0, queueMs: 2.5, busy: 0.5, inFlight: 1, workers: 1, k: { m: 1.5 }, clients: 3 },
    ...{ cpuUtilisation: 0.5, gpuUtilisation: null },
  };
  const timings = { uploadMs: 1, queueMs: 0, decodeMs: 0, tailMs: 3, encodeMs: 0, totalMs: 4 };
  const arrivals = { chunks: 2, numBytes: 10, spanMs: 0.5 };
  const tensors = [{ name: 'y', type: 'float32', dims: [1, 4], codec: 'raw', numBytes: 16 }];
  const seeds = [
    { type: 'welcome', limits: { maxInFlight: 8, maxRequestBytes: 9, maxProbeBytes: 1 }, codecs: ['f16'], load },
    { type: 'result', id: 1, tensors, numBytes: 16, timings, arrivals, load },
    { type: 'error', id: null, code: 'bad_json', message: 'no', load },
    { type: 'load', load: { ...load, announcedMs: 1, residualMs: 2, kWithQueue: { m: 2 } } },
    { type: 'pong', id: 3 },
    { type: 'probed', id: 4, uploadMs: 1, arrivals },
  ].map((message) => Buffer.from(JSON.stringify(message)));
  return { run, words: ['"__proto__":{},', '"load":', 'null', '[[', '1e999'], maxBytes: 2_048, seeds };
}
