import { type Brought, chosenFiles, droppedFiles } from './files.js';

/** The ways in which files reach the page: chosen, a folder of them chosen, dropped, pasted. */
interface Intake {
  readonly fileInput: HTMLInputElement;
  readonly folderInput: HTMLInputElement;
  /** Shown while something is dragged over the page. */
  readonly dropHint: HTMLElement;
  readonly onFile: (file: Blob, name: string) => void;
  /** More than one, or what was in a folder. */
  readonly onFiles: (brought: Brought) => void;
  readonly onNothing: (message: string) => void;
}

export function listenForFiles({ fileInput, folderInput, dropHint, onFile, onFiles, onNothing }: Intake): void {
  const take = (brought: Brought, nothing: string): void => {
    const [file] = brought.files;
    if (file === undefined) onNothing(nothing);
    else if (brought.files.length === 1 && brought.numOthers === 0) onFile(file, file.name);
    else onFiles(brought);
  };
  const listen = (input: HTMLInputElement, nothing: string): void => {
    input.addEventListener('change', () => {
      const brought = chosenFiles(input.files ?? []);
      // The same file can be chosen again.
      input.value = '';
      if (brought.files.length > 0 || brought.numOthers > 0) take(brought, nothing);
    });
  };
  listen(fileInput, 'No file was chosen.');
  listen(folderInput, 'There is no picture in this folder.');

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
    if (event.dataTransfer === null) return;
    const nothing = 'What was dropped is no picture. Save the picture first, then drop the file.';
    droppedFiles(event.dataTransfer).then(
      (brought) => take(brought, nothing),
      (error: unknown) => onNothing(`What was dropped cannot be opened (${String(error)}).`),
    );
  });

  addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    const file = files.find(({ type }) => type.startsWith('image/')) ?? files[0];
    if (file) onFile(file, 'The pasted picture');
    else onNothing('The clipboard holds no picture.');
  });
}
