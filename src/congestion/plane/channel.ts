// Between one algorithm's thread and one datapath: two rings of messages (layout.ts) and a way for each
// side to wake the other. Nobody who writes waits, so neither can hold the other up. Which datapath it is, a switch's
// thread, the kernel's TCP or a program behind a socket, the algorithm's thread does not know.

/** How the datapath's side is woken: a thread in epoll by an eventfd, one in its event loop by a bell. */
export type Wake = { readonly fd: number } | { readonly bell: SharedArrayBuffer };

/** For the algorithm's thread: plain data that threads can be sent. */
export interface ChannelStart {
  readonly id: number;
  readonly toAlgorithm: SharedArrayBuffer;
  readonly fromAlgorithm: SharedArrayBuffer;
  readonly wake: Wake;
}

/** For the datapath's side. */
export interface Channel extends ChannelStart {
  /** Rings the algorithm's thread. */
  readonly bell: SharedArrayBuffer;
}
