/** Files that somebody brought at once. */
export interface Brought {
  readonly files: readonly File[];
  /** Files in folders that are no pictures. */
  readonly numOthers: number;
  /** There were more than {@link MAX_FILES}; the rest was not looked at. */
  readonly isCutShort: boolean;
}

/** A list of more helps nobody; and a dropped home directory must not fill the memory with names. */
export const MAX_FILES = 1000;

/** Files and folders that are looked at to find them: somebody may drop a whole disk. */
const MAX_LOOKED = 20_000;

/** What was dropped, folders with all that is in them. Call it while the event is handled: later it is empty. */
export async function droppedFiles(transfer: DataTransfer, maxFiles = MAX_FILES): Promise<Brought> {
  // An entry is had only now; a browser without entries gives its files, and no folders.
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry?.() ?? []);
  if (entries.length === 0) return chosenFiles(transfer.files, maxFiles);
  const files: File[] = [];
  let numOthers = 0;
  const pending = entries.map((entry) => ({ entry, isGiven: true }));
  let looked = 0;
  for (let next = pending.shift(); next; next = pending.shift()) {
    const { entry, isGiven } = next;
    if (++looked > MAX_LOOKED) return { files, numOthers, isCutShort: true };
    if (isDirectory(entry)) {
      const inside = await entriesIn(entry);
      pending.unshift(...inside.map((each) => ({ entry: each, isGiven: false })));
      continue;
    }
    const file = await fileOf(entry);
    if (!isGiven && !isPicture(file)) numOthers++;
    else if (files.length === maxFiles) return { files, numOthers, isCutShort: true };
    else files.push(file);
  }
  return { files, numOthers, isCutShort: false };
}

/** What an input gives: of a chosen folder the pictures, of chosen files all, so that each can be answered for. */
export function chosenFiles(list: Iterable<File>, maxFiles = MAX_FILES): Brought {
  const all = [...list];
  const files = all.filter((file) => file.webkitRelativePath === '' || isPicture(file));
  return {
    files: files.slice(0, maxFiles),
    numOthers: all.length - files.length,
    isCutShort: files.length > maxFiles,
  };
}

function isPicture({ type, name }: File): boolean {
  // Files that begin with a dot are a system's own notes beside the pictures.
  return type.startsWith('image/') && !name.startsWith('.');
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

function fileOf(entry: FileSystemEntry): Promise<File> {
  return new Promise((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
}

/** A reader gives some at a time, and nothing when it has given all. */
async function entriesIn(directory: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = directory.createReader();
  const entries: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    entries.push(...some);
  }
  return entries.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
}
