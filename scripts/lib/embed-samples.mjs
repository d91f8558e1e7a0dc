import { samplesOf, textOf } from './docs/markdown.mjs';

const NAME = 'virtual:embed-samples';
const DOCS = 'docs/embedding.md';

/** How each set-up begins in the documentation, and in which language its sample is. */
const SETUPS = [
  { title: 'Plain HTML', language: 'html' },
  { title: 'Vite', language: 'ts' },
  { title: 'React', language: 'tsx' },
];

/**
 * The samples of docs/embedding.md, in its order, each with the command that installs what it needs: the nearest one before it.
 * @param {string} [text]
 * @returns {{ title: string, install: string, source: string }[]}
 */
export function embedSamples(text = textOf(DOCS)) {
  const samples = samplesOf(text);
  return SETUPS.map(({ title, language }) => {
    const start = text.indexOf(`\n## ${title}\n`);
    const source =
      start < 0 ? undefined : samplesOf(text.slice(start)).find((sample) => sample.language === language)?.source;
    if (source === undefined) throw new Error(`${DOCS} has no sample in ${language} below "${title}".`);
    const at = samples.findIndex((sample) => sample.source === source);
    const install = samples.slice(0, at).findLast((sample) => sample.language === 'sh')?.source;
    if (install === undefined) throw new Error(`${DOCS} says of "${title}" not what to install.`);
    return { title, install, source };
  });
}

/**
 * Vite plugin: the page shows the very samples of the documentation, which are compiled with it.
 * @returns {import('vite').Plugin}
 */
export function embedSamplesPlugin() {
  return {
    name: 'cutpoint-embed-samples',
    resolveId: (id) => (id === NAME ? `\0${NAME}` : undefined),
    load: (id) => (id === `\0${NAME}` ? `export default ${JSON.stringify(embedSamples())}` : undefined),
  };
}
