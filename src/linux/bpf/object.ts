// A BPF object file: opened, adapted, loaded into the kernel. Its maps and programs live as long as somebody holds them:
// this process, a link, or a socket that is steered by them.

import type { Bytes } from '../../base/bytes.ts';
import { SelvageError } from '../../base/errors.ts';
import { EINVAL, ENOENT, EPERM, errno, errnoName, viewOf } from '../libc.ts';
import { mapMemory } from '../memory.ts';
import { libbpf } from './libbpf.ts';
import { lastWords, listen } from './messages.ts';

const scratch = mapMemory(4096);

export class BpfObject {
  private readonly object: number;
  private readonly file: string;

  /** Takes the file's bytes, which need not be kept; `file` is its name for messages. */
  constructor(file: string, bytes: Uint8Array) {
    this.file = file;
    const image = mapMemory(bytes.length);
    image.bytes.u8.set(bytes);
    this.object = listen(
      () => libbpf().openMemory(image.address, bytes.length, 0) || undefined,
      (said) => new SelvageError('failed', `${file} is no BPF object: ${lastWords(said, 1)}`),
    );
  }

  /** By its name in C. */
  map(name: string): BpfMap {
    const map = libbpf().findMap(this.object, name);
    if (map === 0) throw new SelvageError('failed', `${this.file} has no map “${name}”.`);
    return new BpfMap(map);
  }

  /** A section of constants, to be written before the object is loaded. */
  constants(section: string): Bytes {
    const address = libbpf().initialValue(libbpf().findMap(this.object, section), scratch.address);
    const buffer = viewOf(address, scratch.u32[0]!);
    return { u8: new Uint8Array(buffer), view: new DataView(buffer) };
  }

  /** For programs that this kernel may not know how to run: to be called before the object is loaded. */
  leaveOut(program: string): void {
    libbpf().setAutoload(libbpf().findProgram(this.object, program), 0);
  }

  programFd(name: string): number {
    return libbpf().programFd(libbpf().findProgram(this.object, name));
  }

  /** Has the kernel verify and take it. */
  load(): void {
    let code = 0;
    const load = () => {
      code = libbpf().load(this.object);
      return code === 0 ? true : undefined;
    };
    listen(load, (said) => loadFailure(this.file, -code, said));
  }

  close(): void {
    libbpf().closeObject(this.object);
  }
}

export class BpfMap {
  private readonly map: number;

  constructor(map: number) {
    this.map = map;
  }

  get fd(): number {
    return libbpf().mapFd(this.map);
  }

  /** These are to be called before the object is loaded. */
  setFlags(flags: number): void {
    libbpf().setMapFlags(this.map, flags);
  }

  setMaxEntries(entries: number): void {
    libbpf().setMaxEntries(this.map, entries);
  }

  /** Takes a map that exists in place of a new one; the descriptor stays the caller's. */
  reuse(fd: number): void {
    const code = libbpf().reuseFd(this.map, fd);
    if (code < 0) throw new SelvageError('failed', `A BPF map could not be taken over: ${errnoName(-code)}.`);
  }

  /** Hands a filled-in struct of functions to the kernel. */
  attachStructOps(): number {
    const link = libbpf().attachStructOps(this.map);
    return link === 0 ? -errno() : link;
  }
}

function loadFailure(file: string, code: number, said: readonly string[]): SelvageError {
  const words = lastWords(said);
  if (code === EPERM) {
    const hint = 'Run it as root.';
    return new SelvageError('no-privilege', 'Loading BPF programs takes CAP_SYS_ADMIN.', {
      hint,
      cause: words,
    });
  }
  const isOld = code === ENOENT || code === EINVAL || code === 524;
  const hint = isOld ? `${words}\nThis kernel may be too old, or built without what BPF needs.` : words;
  return new SelvageError('failed', `The kernel refused ${file}: ${errnoName(code)}.`, {
    hint,
    cause: said.join('\n'),
  });
}
