import { expect, test } from '@playwright/test';
import { type Comparison, openGpuCodecs, serveGpuCodecs } from './gpu-codecs-page.js';

/** Of numbers, in one tensor. */
const SIZES = [0, 1, 3, 4, 5, 255, 256, 257, 65_537, 1_000_000];
/** The GPU takes another level than the CPU only where a number lies so near to halfway between the two. */
const TIE_LEVELS = 2e-4;

let server: Awaited<ReturnType<typeof serveGpuCodecs>>;

test.beforeAll(async () => {
  server = await serveGpuCodecs();
});
test.afterAll(async () => {
  await server.close();
});

function expectSame(what: string, { codec }: { codec: string }, size: number, width: number, run: Comparison): void {
  expect(run.wrong, what).toBeUndefined();
  expect(run.gpuHeader, what).toBe(run.cpuHeader);
  expect(run.gpuBytes, what).toBe(run.cpuBytes);
  expect(run.decodedBytes, what).toBe(size * width);
  if (codec !== 'u8') {
    expect(run.differences, what).toBe(0);
    return;
  }
  expect(run.worstStep, what).toBeLessThanOrEqual(1);
  expect(run.worstTie, what).toBeLessThanOrEqual(TIE_LEVELS);
}

test('what the GPU encodes is what the CPU encodes, for all kinds of numbers', { tag: '@webgpu' }, async ({ page }) => {
  await openGpuCodecs(page, server.url);
  const runs = await page.evaluate(async (sizes) => {
    const { EncodePipelines, GpuEncoder } = globalThis.codecs;
    const { device, compare, random } = globalThis.bench;
    const encoder = new GpuEncoder(new EncodePipelines(device));
    const kinds: Record<string, (next: () => number) => number> = {
      ReLU: (next) => Math.max(0, next() * 12 - 6),
      narrow: (next) => 1 + next() * 1e-6,
      'far from 0': (next) => 1e6 + next() * 1000,
      wide: (next) => (next() - 0.5) * 1e30,
      'as wide as can be': (next) => (next() - 0.5) * 6.8e38,
      'some magnitudes': (next) => (next() - 0.5) * 2 ** (30 * next() - 20),
      tiny: (next) => (next() - 0.5) * 1e-33,
      denormal: (next) => (next() - 0.5) * 1e-38,
      zeros: (next) => (next() < 0.5 ? 0 : -0),
      equal: () => -3.7,
    };
    const runs = [];
    for (const [kind, number] of Object.entries(kinds)) {
      for (const size of sizes) {
        const next = random(size * 31 + kind.length);
        const values = Float32Array.from({ length: size }, () => number(next));
        for (const codec of ['f16', 'u8', 'raw'] as const) {
          const comparison = await compare(encoder, 'float32', values, codec);
          runs.push({ what: `${size} numbers, ${kind}, as ${codec}`, size, comparison });
        }
      }
    }
    encoder.destroy();
    return runs;
  }, SIZES);
  for (const { what, size, comparison } of runs) {
    const { codec } = JSON.parse(comparison.gpuHeader);
    expectSame(what, { codec }, size, 4, comparison);
    // Where single precision would show the numbers come back as they are, and the CPU encodes.
    const isForCpu = /as wide|tiny|denormal/.test(what);
    if (what.endsWith('u8') && !isForCpu) expect(comparison.readBacks, what).toBe(Math.min(1, size));
    // Half a step, the tie, and the rounding of what is decoded.
    if (!/narrow|far/.test(what)) expect(comparison.worstErrorSteps, what).toBeLessThanOrEqual(0.5 + 2 * TIE_LEVELS);
  }
  const narrowed = runs.filter(({ comparison }) => !comparison.gpuHeader.includes('"raw"'));
  expect(narrowed.length, 'not all travelled raw').toBeGreaterThan(runs.length / 3);
});

test('every half, and everything halfway between two, is rounded as the CPU rounds it', { tag: '@webgpu' }, async ({
  page,
}) => {
  await openGpuCodecs(page, server.url);
  const comparison = await page.evaluate(async () => {
    const { EncodePipelines, GpuEncoder, decodeTensor } = globalThis.codecs;
    const { device, compare } = globalThis.bench;
    // All positive halves below infinity, in their order.
    const bits = Uint16Array.from({ length: 0x7c00 }, (_, index) => index);
    const header = { name: 'h', type: 'float32', codec: 'f16', dims: [0x7c00], numBytes: bits.byteLength } as const;
    const halves = new Float32Array(
      decodeTensor({ ...header, dims: [...header.dims] }, new Uint8Array(bits.buffer)).buffer,
    );
    const numbers: number[] = [];
    for (let index = 0; index + 1 < halves.length; index++) {
      const [half = 0, next = 0] = halves.subarray(index, index + 2);
      const middle = (half + next) / 2;
      for (const number of [half, middle, middle * (1 - 2 ** -24), middle * (1 + 2 ** -23)])
        numbers.push(number, -number);
    }
    numbers.push(65_504, 65_519.99, -65_519.99);
    const encoder = new GpuEncoder(new EncodePipelines(device));
    return compare(encoder, 'float32', Float32Array.from(numbers), 'f16');
  });
  expect(JSON.parse(comparison.gpuHeader).codec).toBe('f16');
  expect(comparison.differences).toBe(0);
});

test('half precision tensors are encoded as well, whatever their halves are', { tag: '@webgpu' }, async ({ page }) => {
  await openGpuCodecs(page, server.url);
  const runs = await page.evaluate(async () => {
    const { EncodePipelines, GpuEncoder } = globalThis.codecs;
    const { device, compare, random } = globalThis.bench;
    const encoder = new GpuEncoder(new EncodePipelines(device));
    const next = random(5);
    const runs = [];
    // Exponents of half precision: denormals alone, ordinary numbers, all finite ones, and all there are.
    for (const [most, kind] of [
      [0x3ff, 'denormal'],
      [0x43ff, 'ordinary'],
      [0x7bff, 'finite'],
      [0x7fff, 'any'],
    ] as const) {
      for (const size of [0, 1, 2, 3, 5, 257, 65_537]) {
        const halves = Uint16Array.from({ length: size }, () => {
          const half = Math.floor(next() * (most + 1));
          return next() < 0.5 ? half : half | 0x8000;
        });
        for (const codec of ['u8', 'f16'] as const) {
          runs.push({
            what: `${size} ${kind} halves as ${codec}`,
            size,
            comparison: await compare(encoder, 'float16', halves, codec),
          });
        }
      }
    }
    return runs;
  });
  for (const { what, size, comparison } of runs) {
    const { codec } = JSON.parse(comparison.gpuHeader);
    expectSame(what, { codec }, size, 2, comparison);
    // Nothing is gained by writing halves as halves.
    if (what.endsWith('f16')) expect(codec, what).toBe('raw');
    else if (/ordinary|finite/.test(what) && size > 0) expect(codec, what).toBe('u8');
  }
});

test('what is not finite travels raw, wherever in the tensor it is', { tag: '@webgpu' }, async ({ page }) => {
  await openGpuCodecs(page, server.url);
  const codecs = await page.evaluate(async () => {
    const { EncodePipelines, GpuEncoder } = globalThis.codecs;
    const { device, compare } = globalThis.bench;
    const encoder = new GpuEncoder(new EncodePipelines(device));
    const found = [];
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const [size, place] of [
        [1, 0],
        [5, 4],
        [257, 256],
        [300_001, 0],
        [300_001, 262_144],
        [300_001, 300_000],
      ] as const) {
        const values = Float32Array.from({ length: size }, (_, index) => Math.sin(index));
        values[place] = wrong;
        for (const codec of ['f16', 'u8'] as const) {
          const { gpuHeader, cpuHeader, differences } = await compare(encoder, 'float32', values, codec);
          found.push([JSON.parse(gpuHeader).codec, gpuHeader === cpuHeader, differences].join());
        }
      }
    }
    // Finite, and infinite as a half.
    const tooLarge = await compare(encoder, 'float32', Float32Array.of(1, 65_520), 'f16');
    found.push([JSON.parse(tooLarge.gpuHeader).codec, true, tooLarge.differences].join());
    return found;
  });
  expect(new Set(codecs)).toEqual(new Set(['raw,true,0']));
});

test('all tensors of one crossing are read back at once, and its buffers serve again', { tag: '@webgpu' }, async ({
  page,
}) => {
  await openGpuCodecs(page, server.url);
  const { headers, same, maps, live, after } = await page.evaluate(async () => {
    const { EncodePipelines, GpuEncoder, encodeTensor } = globalThis.codecs;
    const { device, upload, random } = globalThis.bench;
    const next = random(9);
    const halves = Uint16Array.of(0x3c00, 0x4000, 0xc000);
    const floats = Float32Array.from({ length: 1001 }, () => next() * 8 - 4);
    const all = [
      { name: 'a', type: 'float32', dims: [7, 11, 13], data: floats },
      { name: 'b', type: 'int64', dims: [3], data: BigInt64Array.of(1n, -2n, 3n) },
      { name: 'c', type: 'float16', dims: [3], data: halves },
      { name: 'd', type: 'float32', dims: [0, 4], data: new Float32Array() },
      { name: 'e', type: 'float32', dims: [2], data: Float32Array.of(1, Number.NaN) },
      { name: 'f', type: 'bool', dims: [5], data: Uint8Array.of(1, 0, 1, 1, 0) },
      { name: 'g', type: 'float32', dims: [], data: Float32Array.of(42) },
    ] as const;
    const tensors = all.map(({ name, type, dims, data }) => upload(name, type, dims, data));
    let [live, maps] = [0, 0];
    const create = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      const buffer = create(descriptor);
      live += 1;
      const [destroy, map] = [buffer.destroy.bind(buffer), buffer.mapAsync.bind(buffer)];
      buffer.destroy = () => {
        live -= 1;
        return destroy();
      };
      buffer.mapAsync = (...args) => {
        maps += 1;
        return map(...args);
      };
      return buffer;
    };
    const encoder = new GpuEncoder(new EncodePipelines(device));
    const finite = tensors.filter(({ name }) => name !== 'e');
    await encoder.encode(finite, 'u8');
    const mapsOfOne = maps;
    let [same, headers] = [true, ''];
    for (let run = 0; run < 300; run++) {
      const codec = (['u8', 'f16', 'raw'] as const)[run % 3] ?? 'raw';
      const encoded = await encoder.encode(tensors, codec);
      headers = JSON.stringify(encoded.map(({ header }) => [header.name, header.codec, header.numBytes]));
      for (const [index, { header, bytes }] of encoded.entries()) {
        const given = all[index];
        if (!given) throw new Error('too many');
        const wanted = encodeTensor({ ...given, dims: [...given.dims] }, codec);
        same &&= header.codec === wanted.header.codec && bytes.buffer.byteLength === wanted.bytes.byteLength;
        same &&= bytes.every((byte, at) => Math.abs(byte - (wanted.bytes[at] ?? 0)) <= (header.codec === 'u8' ? 1 : 0));
      }
    }
    const liveThen = live;
    encoder.destroy();
    return { headers: JSON.parse(headers), same, maps: mapsOfOne, live: liveThen, after: live };
  });
  expect(maps).toBe(1);
  expect(same).toBe(true);
  expect(headers.map(([name]: [string]) => name).join('')).toBe('abcdefg');
  expect(live).toBe(2);
  expect(after).toBe(0);
});

test('a device that refuses says so, and nothing old is taken for new', { tag: '@webgpu' }, async ({ page }) => {
  await openGpuCodecs(page, server.url);
  const { first, refused, lost } = await page.evaluate(async () => {
    const { EncodePipelines, GpuEncoder } = globalThis.codecs;
    const { device, upload } = globalThis.bench;
    const encoder = new GpuEncoder(new EncodePipelines(device));
    const tensor = upload('t', 'float32', [4], Float32Array.of(1, 2, 3, 4));
    const [encoded] = await encoder.encode([tensor], 'u8');
    const message = (error: unknown) => String(error);
    // A buffer that shaders may not read.
    const buffer = device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_SRC });
    const refused = await encoder.encode([{ ...tensor, buffer }], 'u8').then(() => 'encoded', message);
    await encoder.encode([tensor], 'u8');
    device.destroy();
    const lost = await encoder.encode([tensor], 'u8').then(() => 'encoded', message);
    return { first: [...(encoded?.bytes ?? [])], refused, lost };
  });
  expect(first).toEqual([0, 85, 170, 255]);
  expect(refused).toMatch(/refused to encode/);
  expect(lost).toMatch(/Error/);
});
