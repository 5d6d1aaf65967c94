// Unix sockets that keep the bounds of messages (SOCK_SEQPACKET, unix(7)) and carry file descriptors (SCM_RIGHTS).
// All are non-blocking; who has to wait does so in epoll.

import { SelvageError } from '../base/errors.ts';
import {
  accept4,
  bind,
  close,
  connect,
  EAGAIN,
  ECONNRESET,
  EINTR,
  errno,
  errnoName,
  getsockopt,
  listen,
  recvmsg,
  sendmsg,
  socket,
} from './libc.ts';
import { type MappedMemory, mapMemory } from './memory.ts';

const AF_UNIX = 1;
const SOCK_SEQPACKET_NONBLOCK_CLOEXEC = 5 | 0o4000 | 0o2000000;
const SOCK_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const MSG_CTRUNC = 8;
const MSG_TRUNC = 0x20;
const BACKLOG = 64;
const PATH_AT = 2;
const LONGEST_PATH = 107;

export const LONGEST_MESSAGE = 4096;
const MOST_FDS = 8;
const MOST_GROUPS = 4096;

/** Where a call's structures lie: a header, one iovec, the control message, the text. */
const IOV_AT = 64;
const CONTROL_AT = 128;
const CONTROL_HEADER_BYTES = 16;
const CONTROL_BYTES = CONTROL_HEADER_BYTES + MOST_FDS * 4;
const TEXT_AT = 1024;

let scratch: MappedMemory | undefined;
function callMemory(): MappedMemory {
  scratch ??= mapMemory(TEXT_AT + Math.max(LONGEST_MESSAGE, MOST_GROUPS * 4));
  return scratch;
}

export interface Received {
  readonly text: string;
  /** The receiver's to close. */
  readonly fds: readonly number[];
}

/** Listens at `path`, where nothing may be. */
export function listenUnix(path: string): number {
  const fd = newSocket();
  const { address, length } = writePath(path);
  if (bind(fd, address, length) >= 0 && listen(fd, BACKLOG) >= 0) return fd;
  const code = errno();
  close(fd);
  throw new SelvageError('failed', `Could not listen at ${path}: ${errnoName(code)}.`, {
    hint: 'Set runtimeDir to a folder that the agent may write to.',
  });
}

/** A connected socket, or the negative error number. */
export function connectUnix(path: string): number {
  const fd = newSocket();
  const { address, length } = writePath(path);
  if (connect(fd, address, length) >= 0) return fd;
  const code = errno();
  close(fd);
  return -code;
}

/** The next connection; -1 when there is none, or it cannot be taken. */
export function acceptUnix(listener: number): number {
  return accept4(listener, 0, 0, SOCK_NONBLOCK_CLOEXEC);
}

export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** Who the other end was when it connected, as the kernel says. */
export function peerCredentials(fd: number): Credentials {
  const { bytes, address } = callMemory();
  const { view } = bytes;
  const option = (name: number, most: number) => {
    view.setUint32(0, most, true);
    if (getsockopt(fd, SOL_SOCKET, name, address + TEXT_AT, address) >= 0) return view.getUint32(0, true);
    throw new SelvageError('failed', `Could not tell who connected: ${errnoName(errno())}.`);
  };
  const at = (index: number) => view.getUint32(TEXT_AT + index * 4, true);
  option(SO_PEERCRED, 12);
  const [pid, uid, gid] = [at(0), at(1), at(2)];
  const length = option(SO_PEERGROUPS, MOST_GROUPS * 4);
  return { pid, uid, gid, groups: Array.from({ length: length / 4 }, (_, i) => at(i)) };
}

/** False when the other end is gone or takes nothing more, and for what is too long. */
export function sendMessage(fd: number, text: string, fds: readonly number[] = []): boolean {
  const { bytes } = callMemory();
  const encoded = new TextEncoder().encode(text);
  if (encoded.length > LONGEST_MESSAGE || fds.length > MOST_FDS) return false;
  bytes.u8.set(encoded, TEXT_AT);
  const control = fds.length === 0 ? 0 : CONTROL_HEADER_BYTES + fds.length * 4;
  const header = writeHeader(encoded.length, control);
  if (control > 0) {
    bytes.view.setUint32(CONTROL_AT, control, true);
    bytes.view.setUint32(CONTROL_AT + 4, 0, true);
    bytes.view.setUint32(CONTROL_AT + 8, SOL_SOCKET, true);
    bytes.view.setUint32(CONTROL_AT + 12, SCM_RIGHTS, true);
    fds.forEach((descriptor, i) => {
      bytes.view.setInt32(CONTROL_AT + CONTROL_HEADER_BYTES + i * 4, descriptor, true);
    });
  }
  return sendmsg(fd, header, MSG_NOSIGNAL) === encoded.length;
}

/** The next message; 'none' when there is none yet, 'gone' when there will be none. */
export function receiveMessage(fd: number): Received | 'none' | 'gone' {
  const { bytes } = callMemory();
  const { view, u8 } = bytes;
  const header = writeHeader(LONGEST_MESSAGE, CONTROL_BYTES);
  let length = recvmsg(fd, header, MSG_CMSG_CLOEXEC);
  // An end that closes without having read everything resets; what it said before is there all the same, behind the error.
  if (length < 0 && errno() === ECONNRESET) length = recvmsg(fd, header, MSG_CMSG_CLOEXEC);
  if (length < 0) {
    const code = errno();
    return code === EAGAIN || code === EINTR ? 'none' : 'gone';
  }
  const fds = receivedFds(view);
  // Descriptors or text that found no room: nothing that speaks our protocol sends so much.
  const isCut = (view.getUint32(48, true) & (MSG_CTRUNC | MSG_TRUNC)) !== 0;
  if (length === 0 || isCut) {
    for (const descriptor of fds) close(descriptor);
    return 'gone';
  }
  return { text: new TextDecoder().decode(u8.slice(TEXT_AT, TEXT_AT + length)), fds };
}

function receivedFds(view: DataView): number[] {
  const controlBytes = view.getUint32(40, true);
  if (controlBytes < CONTROL_HEADER_BYTES) return [];
  const isRights =
    view.getUint32(CONTROL_AT + 8, true) === SOL_SOCKET &&
    view.getUint32(CONTROL_AT + 12, true) === SCM_RIGHTS;
  if (!isRights) return [];
  const count = (view.getUint32(CONTROL_AT, true) - CONTROL_HEADER_BYTES) >> 2;
  return Array.from({ length: count }, (_, i) =>
    view.getInt32(CONTROL_AT + CONTROL_HEADER_BYTES + i * 4, true),
  );
}

/** Writes a msghdr for one piece of text; its address. */
function writeHeader(textBytes: number, controlBytes: number): number {
  const { bytes, address } = callMemory();
  bytes.u8.fill(0, 0, CONTROL_AT + CONTROL_BYTES);
  const pointer = (at: number, value: number) => bytes.view.setBigUint64(at, BigInt(value), true);
  pointer(16, address + IOV_AT);
  pointer(24, 1);
  pointer(IOV_AT, address + TEXT_AT);
  pointer(IOV_AT + 8, textBytes);
  if (controlBytes > 0) {
    pointer(32, address + CONTROL_AT);
    pointer(40, controlBytes);
  }
  return address;
}

function newSocket(): number {
  const fd = socket(AF_UNIX, SOCK_SEQPACKET_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) throw new SelvageError('failed', `Could not create a Unix socket: ${errnoName(errno())}.`);
  return fd;
}

function writePath(path: string): { address: number; length: number } {
  const { bytes, address } = callMemory();
  const encoded = new TextEncoder().encode(path);
  if (encoded.length > LONGEST_PATH) {
    throw new SelvageError('bad-input', `The path ${path} is too long for a socket.`, {
      hint: `A socket's path has at most ${LONGEST_PATH} bytes: choose a shorter one.`,
    });
  }
  bytes.view.setUint16(0, AF_UNIX, true);
  bytes.u8.set(encoded, PATH_AT);
  bytes.u8[PATH_AT + encoded.length] = 0;
  return { address, length: PATH_AT + encoded.length + 1 };
}
