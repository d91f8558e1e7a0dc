/** Reads a tiny format, and has a fault that random bytes practically never reach: each step needs the one before. */
export function readPlanted(bytes) {
  if (bytes[0] !== 0x7b) return 'no header';
  if (bytes[1] !== 0x51) return 'no kind';
  if (bytes[2] !== 0x03) return 'no version';
  if (bytes[3] !== 0xf7) return 'no end';
  throw new TypeError('the planted fault');
}
