// Both ends of a stream within this machine, for measuring what streams cost: a pair of Unix sockets (socketpair(2)), or a
// TCP connection over the loopback interface. Non-blocking; to be handed to another process they are not close-on-exec.

import { SelvageError } from '../base/errors.ts';
import {
  accept4,
  bind,
  close,
  connect,
  errno,
  errnoName,
  fcntl,
  getsockname,
  listen,
  setsockopt,
  socket,
  socketpair,
} from './libc.ts';
import { mapMemory } from './memory.ts';
import { writeSockaddr } from './udp.ts';

const AF_UNIX = 1;
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const F_SETFL = 4;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_SNDBUFFORCE = 32;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const LOOPBACK = 0x7f000001;

export type StreamPair = readonly [ours: number, theirs: number];

/** `bufferBytes`: as much may be under way each way, the kernel's overhead not counted. */
export function unixPair(bufferBytes: number): StreamPair {
  const { bytes, address } = mapMemory(16);
  check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, address));
  const pair = [bytes.view.getInt32(0, true), bytes.view.getInt32(4, true)] as const;
  bytes.view.setUint32(8, bufferBytes, true);
  for (const end of pair) {
    if (setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, address + 8, 4) < 0)
      check(setsockopt(end, SOL_SOCKET, SO_SNDBUF, address + 8, 4));
  }
  return pair;
}

/** Without Nagle's delay. */
export function tcpPair(): StreamPair {
  const { bytes, address } = mapMemory(64);
  const { view } = bytes;
  const length = writeSockaddr(view, 0, LOOPBACK, 0);
  const listener = check(socket(AF_INET, SOCK_STREAM, 0));
  check(bind(listener, address, length));
  check(listen(listener, 1));
  view.setUint32(32, length, true);
  check(getsockname(listener, address, address + 32));
  const ours = check(socket(AF_INET, SOCK_STREAM, 0));
  check(connect(ours, address, length));
  const theirs = check(accept4(listener, 0, 0, SOCK_NONBLOCK));
  close(listener);
  check(fcntl(ours, F_SETFL, SOCK_NONBLOCK));
  view.setUint32(32, 1, true);
  for (const end of [ours, theirs]) check(setsockopt(end, IPPROTO_TCP, TCP_NODELAY, address + 32, 4));
  return [ours, theirs];
}

function check(result: number): number {
  if (result >= 0) return result;
  throw new SelvageError('failed', `Could not make a pair of sockets: ${errnoName(errno())}.`);
}
