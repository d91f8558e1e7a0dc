/** The ways in which a file reaches the page: chosen, dropped, pasted. */
interface Intake {
  readonly fileInput: HTMLInputElement;
  /** Shown while something is dragged over the page. */
  readonly dropHint: HTMLElement;
  readonly onFile: (file: Blob, name: string) => void;
  readonly onNothing: (message: string) => void;
}

export function listenForFiles({ fileInput, dropHint, onFile, onNothing }: Intake): void {
  fileInput.addEventListener('change', () => {
    const [file] = fileInput.files ?? [];
    // The same file can be chosen again.
    fileInput.value = '';
    if (file) onFile(file, file.name);
  });

  let depth = 0;
  const showHint = (change: number): void => {
    depth = Math.max(0, depth + change);
    dropHint.hidden = depth === 0;
  };
  addEventListener('dragenter', () => showHint(1));
  addEventListener('dragleave', () => showHint(-1));
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    showHint(-depth);
    const [file] = event.dataTransfer?.files ?? [];
    if (file) onFile(file, file.name);
    else onNothing('What was dropped is no file. Save the picture first, then drop the file.');
  });

  addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    const file = files.find(({ type }) => type.startsWith('image/')) ?? files[0];
    if (file) onFile(file, 'The pasted picture');
    else onNothing('The clipboard holds no picture.');
  });
}
