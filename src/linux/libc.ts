// The system calls Selvage makes, bound once through koffi. Addresses travel as numbers (user space lies below
// 2^47, which a double holds exactly); nothing here allocates per call. Sources: the man pages of section 2.

import koffi from 'koffi';

const libc = koffi.load('libc.so.6');

type Call<A extends unknown[]> = (...args: A) => number;

export const open = libc.func('int open(const char *path, int flags, int mode)') as Call<
  [string, number, number]
>;
export const close = libc.func('int close(int fd)') as Call<[number]>;
export const read = libc.func('int64_t read(int fd, uint64_t buffer, uint64_t count)') as Call<
  [number, number, number]
>;
export const write = libc.func('int64_t write(int fd, uint64_t buffer, uint64_t count)') as Call<
  [number, number, number]
>;
export const writev = libc.func('int64_t writev(int fd, uint64_t iov, int count)') as Call<
  [number, number, number]
>;
export const sendmmsg = libc.func(
  'int sendmmsg(int fd, uint64_t messages, uint32_t count, int flags)',
) as Call<[number, number, number, number]>;
export const recvmmsg = libc.func(
  'int recvmmsg(int fd, uint64_t messages, uint32_t count, int flags, uint64_t timeout)',
) as Call<[number, number, number, number, number]>;
export const recvmsg = libc.func('int64_t recvmsg(int fd, uint64_t message, int flags)') as Call<
  [number, number, number]
>;
export const ioctl = libc.func('int ioctl(int fd, uint64_t request, uint64_t argument)') as Call<
  [number, number, number]
>;
export const socket = libc.func('int socket(int domain, int type, int protocol)') as Call<
  [number, number, number]
>;
export const socketpair = libc.func(
  'int socketpair(int domain, int type, int protocol, uint64_t fds)',
) as Call<[number, number, number, number]>;
export const getsockname = libc.func('int getsockname(int fd, uint64_t address, uint64_t length)') as Call<
  [number, number, number]
>;
export const bind = libc.func('int bind(int fd, uint64_t address, uint32_t length)') as Call<
  [number, number, number]
>;
export const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, uint64_t value, uint32_t length)',
) as Call<[number, number, number, number, number]>;
export const getsockopt = libc.func(
  'int getsockopt(int fd, int level, int name, uint64_t value, uint64_t length)',
) as Call<[number, number, number, number, number]>;
export const listen = libc.func('int listen(int fd, int backlog)') as Call<[number, number]>;
export const accept4 = libc.func('int accept4(int fd, uint64_t address, uint64_t length, int flags)') as Call<
  [number, number, number, number]
>;
export const connect = libc.func('int connect(int fd, uint64_t address, uint32_t length)') as Call<
  [number, number, number]
>;
export const sendmsg = libc.func('int64_t sendmsg(int fd, uint64_t message, int flags)') as Call<
  [number, number, number]
>;
export const memfdCreate = libc.func('int memfd_create(const char *name, uint32_t flags)') as Call<
  [string, number]
>;
export const ftruncate = libc.func('int ftruncate(int fd, int64_t length)') as Call<[number, number]>;
export const fcntl = libc.func('int fcntl(int fd, int command, int64_t argument)') as Call<
  [number, number, number]
>;
export const setns = libc.func('int setns(int fd, int type)') as Call<[number, number]>;
export const unshare = libc.func('int unshare(int flags)') as Call<[number]>;
export const eventfd = libc.func('int eventfd(uint32_t initial, int flags)') as Call<[number, number]>;
export const pipe2 = libc.func('int pipe2(uint64_t fds, int flags)') as Call<[number, number]>;
export const epollCreate1 = libc.func('int epoll_create1(int flags)') as Call<[number]>;
export const epollCtl = libc.func('int epoll_ctl(int epoll, int operation, int fd, uint64_t event)') as Call<
  [number, number, number, number]
>;
export const epollPwait2 = libc.func(
  'int epoll_pwait2(int epoll, uint64_t events, int count, uint64_t timeout, uint64_t mask)',
) as Call<[number, number, number, number, number]>;
export const mmap = libc.func(
  'uint64_t mmap(uint64_t address, uint64_t length, int protection, int flags, int fd, int64_t offset)',
) as Call<[number, number, number, number, number, number]>;
export const munmap = libc.func('int munmap(uint64_t address, uint64_t length)') as Call<[number, number]>;
export const clockGettime = libc.func('int clock_gettime(int clock, uint64_t time)') as Call<
  [number, number]
>;
export const schedYield = libc.func('int sched_yield()') as Call<[]>;
export const prctl = libc.func(
  'int prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)',
) as Call<[number, number, number, number, number]>;

/** The error number of the last failed call on this thread. */
export const errno = koffi.errno as () => number;

/** An ArrayBuffer over `length` bytes of mapped memory; make it once and keep it. */
export function viewOf(address: number, length: number): ArrayBuffer {
  return koffi.view(BigInt(address), length) as ArrayBuffer;
}

export const EINTR = 4;
export const EAGAIN = 11;
export const ECONNABORTED = 103;
export const ECONNRESET = 104;
export const ECONNREFUSED = 111;
export const EINVAL = 22;
export const ENOENT = 2;
export const EPERM = 1;
export const EACCES = 13;
export const EBUSY = 16;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;

const NAMES: Record<number, string> = {
  1: 'EPERM (operation not permitted)',
  2: 'ENOENT (no such file or directory)',
  13: 'EACCES (permission denied)',
  16: 'EBUSY (device or resource busy)',
  22: 'EINVAL (invalid argument)',
  23: 'ENFILE (too many open files in the system)',
  24: 'EMFILE (too many open files)',
  12: 'ENOMEM (out of memory)',
  98: 'EADDRINUSE (address already in use)',
  99: 'EADDRNOTAVAIL (address not on this machine)',
};

/** The name and meaning of an error number, for messages. */
export function errnoName(code: number): string {
  return NAMES[code] ?? `errno ${code}`;
}
