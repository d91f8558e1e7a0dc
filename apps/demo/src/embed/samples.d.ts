/** Made by the build from docs/embedding.md. */
declare module 'virtual:embed-samples' {
  const samples: readonly { readonly title: string; readonly install: string; readonly source: string }[];
  export default samples;
}
