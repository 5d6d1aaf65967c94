// Hears what routers say of probes whose TTL ended with them, from Node's event loop.

import { openTimeExceeded } from '../linux/icmp.ts';
import { close, recvmsg } from '../linux/libc.ts';
import { highWord, lowWord, mapMemory } from '../linux/memory.ts';
import { type Watch, watch } from '../linux/readiness.ts';
import { readSockaddr, SOCKADDR_BYTES } from '../linux/udp.ts';
import type { HostAddress } from '../wire/address.ts';
import { type ReturnedProbe, readTimeExceeded, readTimeExceeded6 } from '../wire/route-probe.ts';

/** Where in the memory things lie: msghdr, iovec, address, packet. */
const MESSAGE = 0;
const IOV = 64;
const NAME = 128;
const ANSWER = 512;
const ANSWER_BYTES = 2048;

export class TimeExceeded {
  private readonly memory = mapMemory(4096);
  private readonly family: 4 | 6;
  private readonly fd: number;
  private readonly watched: Watch;

  /** Throws SelvageError without the right to hear ICMP. `onAnswer` is told of each probe that came back, and from whom. */
  constructor(family: 4 | 6, onAnswer: (probe: ReturnedProbe, router: HostAddress) => void) {
    this.family = family;
    this.fd = openTimeExceeded(family);
    this.prepare();
    this.watched = watch(this.fd, () => this.read(onAnswer));
  }

  close(): void {
    this.watched.close();
    close(this.fd);
  }

  private read(onAnswer: (probe: ReturnedProbe, router: HostAddress) => void): void {
    const { bytes, u32, address } = this.memory;
    const parse = this.family === 4 ? readTimeExceeded : readTimeExceeded6;
    for (;;) {
      u32[MESSAGE / 4 + 2] = SOCKADDR_BYTES;
      const length = recvmsg(this.fd, address + MESSAGE, 0);
      if (length < 0) return;
      const probe = parse(bytes, ANSWER, length);
      if (probe !== undefined) onAnswer(probe, readSockaddr(bytes.view, NAME));
    }
  }

  /** Points the message at its parts. */
  private prepare(): void {
    const { u32, address } = this.memory;
    const point = (at: number, to: number) => {
      u32[at / 4] = lowWord(address + to);
      u32[at / 4 + 1] = highWord(address + to);
    };
    point(MESSAGE, NAME);
    point(MESSAGE + 16, IOV);
    u32[MESSAGE / 4 + 6] = 1;
    point(IOV, ANSWER);
    u32[IOV / 4 + 2] = ANSWER_BYTES;
  }
}
