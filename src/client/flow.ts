// One flow of a client's session: a channel that complains of wrong arguments and of a session that has ended.
import { SelvageError } from '../base/errors.ts';
import type { Channel } from '../runtime/shm/channel.ts';
import type { Endpoint } from '../runtime/shm/endpoint.ts';
import type { Flow } from './api.ts';

export class ClientFlow implements Flow {
  private channel: Channel | undefined;
  private readonly index: number;
  private readonly recordWords: number;
  private readonly endpoint: Endpoint;
  private readonly ended: () => SelvageError | undefined;

  constructor(
    channel: Channel,
    index: number,
    recordWords: number,
    endpoint: Endpoint,
    ended: () => SelvageError | undefined,
  ) {
    this.channel = channel;
    this.index = index;
    this.recordWords = recordWords;
    this.endpoint = endpoint;
    this.ended = ended;
  }

  /** The last push was not taken whole. */
  get isShort(): boolean {
    return this.channel?.short ?? false;
  }

  push(src: Uint32Array, n: number): number {
    const ended = this.ended();
    if (ended !== undefined) throw ended;
    this.check(src, n);
    const { channel, endpoint } = this;
    const taken = channel!.push(src, n);
    // Whoever waits then also waits for room, which a resting flow would not be asked for.
    if (taken < n) endpoint.rouse(this.index);
    this.checkAgent();
    return taken;
  }

  pop(dst: Uint32Array, n: number): number {
    this.check(dst, n);
    const { channel } = this;
    if (channel === undefined) throw this.ended()!;
    const count = channel.pop(dst, n);
    this.checkAgent();
    return count;
  }

  close(): void {
    this.channel = undefined;
  }

  private check(records: Uint32Array, n: number): void {
    if (n * this.recordWords <= records.length && n >= 0) return;
    throw new SelvageError('bad-input', `An array of ${records.length} words has no room for ${n} records.`, {
      hint: `Each record of this session has ${this.recordWords} words.`,
    });
  }

  private checkAgent(): void {
    const { fault } = this.endpoint.health;
    if (fault === 'none') return;
    throw new SelvageError('failed', `The agent broke the protocol of this session (${fault}).`, {
      hint: 'Close the session and connect anew; if it stays so, restart the agent.',
    });
  }
}
