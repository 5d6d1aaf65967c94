// Records over a stream socket, one system call a record or as many in one as there are; and the echo at its other end.
// System calls are made directly, which costs half of what Node's own sockets cost.
import { type ChildProcess, spawn } from 'node:child_process';
import { Epoll } from '../../../src/linux/epoll.ts';
import { close, EAGAIN, errno, read, write } from '../../../src/linux/libc.ts';
import { type MappedMemory, mapMemory } from '../../../src/linux/memory.ts';
import { yieldCore } from '../../../src/linux/scheduling.ts';
import type { StreamPair } from '../../../src/linux/stream-pair.ts';
import { check, type Link, number, type Patience, Waiter } from './link.ts';

const BUFFER_BYTES = 512 * 1024;
const READ_BYTES = 256 * 1024;
const INHERITED = 3;

export type Writes = 'one a record' | 'batched';

/** Whole records that were read, and what has come of the next one behind them. */
class RecordReader {
  readonly memory: MappedMemory = mapMemory(BUFFER_BYTES);
  private readonly fd: number;
  private readonly recordBytes: number;
  private bytes = 0;

  constructor(fd: number, recordBytes: number) {
    this.fd = fd;
    this.recordBytes = recordBytes;
  }

  /** How many whole records lie at the beginning of the memory; -1 at the stream's end. */
  read(): number {
    const count = read(this.fd, this.memory.address + this.bytes, READ_BYTES);
    if (count === 0 || (count < 0 && errno() !== EAGAIN)) return -1;
    if (count > 0) this.bytes += count;
    return Math.floor(this.bytes / this.recordBytes);
  }

  /** Forgets whole records. */
  drop(records: number): void {
    const dropped = records * this.recordBytes;
    if (this.bytes > dropped) this.memory.bytes.u8.copyWithin(0, dropped, this.bytes);
    this.bytes -= dropped;
  }
}

/** Writes records that lie at an address; what the socket takes only in part is finished first. */
class RecordWriter {
  private readonly fd: number;
  private readonly recordBytes: number;
  private readonly writes: Writes;
  private restAt = 0;
  private restBytes = 0;

  constructor(fd: number, recordBytes: number, writes: Writes) {
    this.fd = fd;
    this.recordBytes = recordBytes;
    this.writes = writes;
  }

  /** False while a record that was begun is not finished: its memory must stay as it is. */
  finish(): boolean {
    if (this.restBytes === 0) return true;
    const written = write(this.fd, this.restAt, this.restBytes);
    if (written > 0) {
      this.restAt += written;
      this.restBytes -= written;
    }
    return this.restBytes === 0;
  }

  /** How many records were begun. */
  write(address: number, records: number): number {
    const each = this.writes === 'batched' ? records * this.recordBytes : this.recordBytes;
    for (let begun = 0; begun < records; ) {
      const at = address + begun * this.recordBytes;
      const written = write(this.fd, at, each);
      if (written <= 0) return begun;
      begun += Math.ceil(written / this.recordBytes);
      if (written === each) continue;
      this.restAt = at + written;
      this.restBytes = address + begun * this.recordBytes - this.restAt;
      return begun;
    }
    return records;
  }
}

export class StreamLink implements Link {
  private readonly fd: number;
  private readonly child: ChildProcess;
  private readonly recordWords: number;
  private readonly reader: RecordReader;
  private readonly writer: RecordWriter;
  private readonly out = mapMemory(BUFFER_BYTES);
  private readonly most: number;
  private readonly epoll = new Epoll();
  private readonly waiter: Waiter;
  private ready = 0;

  constructor([ours, theirs]: StreamPair, recordBytes: number, writes: Writes, patience: Patience) {
    this.waiter = new Waiter(patience);
    this.fd = ours;
    this.recordWords = recordBytes / 4;
    this.most = Math.floor(BUFFER_BYTES / recordBytes);
    this.reader = new RecordReader(ours, recordBytes);
    this.writer = new RecordWriter(ours, recordBytes, writes);
    this.epoll.add(ours, 0);
    this.child = spawn(process.execPath, [process.argv[1]!, 'echo', String(recordBytes), writes, patience], {
      stdio: ['ignore', 'inherit', 'inherit', theirs],
    });
    close(theirs);
  }

  send(first: number, records: number): number {
    const count = Math.min(records, this.most);
    if (count <= 0 || !this.writer.finish()) return 0;
    number(this.out.u32, this.recordWords, first, count);
    return this.writer.write(this.out.address, count);
  }

  receive(expected: number): number {
    this.writer.finish();
    const count = this.ready > 0 ? this.ready : this.reader.read();
    this.ready = 0;
    if (count < 0) throw new Error('the echo has ended');
    if (count === 0) return 0;
    check(this.reader.memory.u32, this.recordWords, expected, count);
    this.reader.drop(count);
    return count;
  }

  wait(): void {
    this.waiter.wait(
      () => {
        this.ready = Math.max(0, this.reader.read());
        return this.ready > 0;
      },
      () => this.epoll.wait(Number.POSITIVE_INFINITY),
    );
  }

  close(): void {
    this.epoll.close();
    close(this.fd);
    this.child.kill('SIGKILL');
  }
}

/** The other end, in a process of its own, until the stream ends. */
export function echoStream(recordBytes: number, writes: Writes, patience: Patience): void {
  const reader = new RecordReader(INHERITED, recordBytes);
  const writer = new RecordWriter(INHERITED, recordBytes, writes);
  const epoll = new Epoll();
  epoll.add(INHERITED, 0);
  const waiter = new Waiter(patience);
  let records = 0;
  const look = () => {
    records = reader.read();
    return records !== 0;
  };
  while (records >= 0) {
    if (!look()) waiter.wait(look, () => epoll.wait(Number.POSITIVE_INFINITY));
    for (let done = 0; done < records; ) {
      const begun = writer.write(reader.memory.address + done * recordBytes, records - done);
      done += begun;
      // The driver reads whenever it cannot write.
      while (!writer.finish()) yieldCore();
      if (begun === 0) yieldCore();
    }
    if (records > 0) reader.drop(records);
  }
}
