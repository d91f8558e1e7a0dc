/**
 * @typedef {{ name: string, flags: Record<string, string>, args: string[], isExec: boolean, text: string }} Instruction
 *   `args` are the words, or the strings of the JSON form, which is `isExec`; `text` is everything behind the flags.
 * @typedef {{ name: string | undefined, from: string, instructions: Instruction[] }} Stage
 */

const KNOWN = new Set(
  'ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK RUN STOPSIGNAL USER VOLUME WORKDIR'.split(' '),
);

/**
 * The stages of a Dockerfile. Strict: what it does not know, `ADD` and here-documents among it, is an error.
 * @param {string} text @returns {Stage[]}
 */
export function parseDockerfile(text) {
  /** @type {Stage[]} */
  const stages = [];
  for (const line of logicalLines(text)) {
    const instruction = parseInstruction(line);
    if (instruction.name === 'FROM') {
      stages.push(openStage(instruction));
      continue;
    }
    const stage = stages.at(-1);
    if (stage === undefined) throw new Error(`${line}: there is no FROM before it`);
    stage.instructions.push(instruction);
  }
  return stages;
}

/** Lines without comments, continued ones joined. */
function* logicalLines(text) {
  let open;
  for (const line of text.split('\n')) {
    if (/^\s*#/.test(line)) continue;
    if (line.trim() === '') {
      if (open !== undefined) throw new Error(`an empty line within: ${open}`);
      continue;
    }
    const [, words, isContinued] = /^(.*?)(\\?)\s*$/.exec(line) ?? [];
    open = open === undefined ? words : `${open} ${words.trim()}`;
    if (isContinued) continue;
    yield open.trim();
    open = undefined;
  }
  if (open !== undefined) throw new Error(`nothing continues: ${open}`);
}

/** @returns {Instruction} */
function parseInstruction(line) {
  const [, name = '', behind = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
  if (!KNOWN.has(name)) throw new Error(`not an instruction that is allowed here: ${line}`);
  if (behind.includes('<<')) throw new Error(`a here-document: ${line}`);
  const flags = {};
  let text = behind;
  for (let match = nextFlag(text); match !== null; match = nextFlag(text)) {
    const [whole, key, value] = match;
    flags[key] = value;
    text = text.slice(whole.length);
  }
  const own = name === 'HEALTHCHECK' ? text.replace(/^CMD\s+/, '') : text;
  const isExec = own.startsWith('[');
  return { name, flags, isExec, text, args: isExec ? execForm(own) : own.split(/\s+/) };
}

function nextFlag(text) {
  return /^--([a-z-]+)=(\S+)\s+/.exec(text);
}

/** Docker runs what is no valid JSON by a shell, without a word. */
function execForm(text) {
  const args = JSON.parse(text);
  if (!Array.isArray(args) || !args.every((arg) => typeof arg === 'string')) throw new Error(`no strings: ${text}`);
  return args;
}

function openStage({ args, text }) {
  const [from = '', as, name, ...more] = args;
  if (more.length > 0 || (as !== undefined && (as !== 'AS' || name === undefined))) throw new Error(`FROM ${text}`);
  return { name, from, instructions: [] };
}

/** @param {Stage} stage @param {string} name @returns {Instruction[]} */
export function all(stage, name) {
  return stage.instructions.filter((instruction) => instruction.name === name);
}

/** What a stage adds to the environment. @param {Stage} stage @returns {Record<string, string>} */
export function environmentOf(stage) {
  const pairs = all(stage, 'ENV').flatMap(({ args }) => args);
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, key, value] = /^([A-Z_]+)=([^\s"']+)$/.exec(pair) ?? [];
      if (key === undefined) throw new Error(`ENV ${pair} is not KEY=value`);
      return [key, value];
    }),
  );
}

/** Sources and destination of a COPY. @param {Instruction} copy */
export function copied({ args }) {
  return { sources: args.slice(0, -1), destination: args.at(-1) ?? '' };
}
