/**
 * Whether a .dockerignore leaves a path out of what is built from: the last line that is about it says so, `!` that it is not.
 * @param {string} text @returns {(path: string) => boolean}
 */
export function ignoredBy(text) {
  const patterns = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const rules = patterns.map((pattern) => {
    const isException = pattern.startsWith('!');
    const source = pattern
      .slice(isException ? 1 : 0)
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replace(/\*\*\/|\*/g, (star) => (star === '*' ? '[^/]*' : '(?:.*/)?'));
    return { isException, expression: new RegExp(`^${source}(?:/|$)`) };
  });
  return (path) => {
    const last = rules.findLast(({ expression }) => expression.test(path));
    return last !== undefined && !last.isException;
  };
}
