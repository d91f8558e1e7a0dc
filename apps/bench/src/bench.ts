/** One experiment. */
export interface Bench {
  /** One line for the list of benches. */
  readonly summary: string;
  /**
   * @param args what stands after the bench's name, `--json` taken out
   * @param print one line for people
   * @returns what `--json` prints; machine information is added by the caller
   */
  run(args: readonly string[], print: (line: string) => void): Promise<Readonly<Record<string, unknown>>>;
}
