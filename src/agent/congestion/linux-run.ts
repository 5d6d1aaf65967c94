// One algorithm on Linux's TCP connections, for as long as a command runs, without an agent: the algorithm has a thread of
// its own as in the agent, and the kernel's half is its datapath (CCP §4.7.4; docs/congestion-linux.md).

import { SelvageError } from '../../base/errors.ts';
import type { Channel } from '../../congestion/plane/channel.ts';
import { readFromAlgorithm } from '../../congestion/plane/message-reader.ts';
import { MAX_MESSAGE_BYTES, MessageRing } from '../../congestion/plane/message-ring.ts';
import { MessageWriter } from '../../congestion/plane/message-writer.ts';
import { type LinuxDatapath, openLinuxDatapath } from '../../linux-tcp/datapath.ts';
import { nextEvents } from '../threads/next-events.ts';
import { tryOut } from '../upgrades/trial.ts';
import { AlgorithmHost } from './algorithm-host.ts';
import type { TriedAlgorithm } from './algorithm-trial.ts';
import { Bell, newBellMemory } from './bell.ts';
import { FlowMessages } from './flow-messages.ts';
import { LinuxConnections, type LinuxStatus } from './linux-connections.ts';

/** Commands, before whatever else there is to do. */
const BATCH = 256;

export interface LinuxRunOptions {
  /** The algorithm's module. */
  readonly file: string;
  /** What programs choose as their congestion control. */
  readonly name: string;
  readonly ecn: boolean;
  /** Reports of a flow come no more often. */
  readonly reportIntervalMicros?: number | undefined;
  readonly say: (line: string) => void;
}

export class LinuxRun {
  /** As the algorithm calls itself. */
  readonly algorithm: string;
  /** Rejects when the algorithm ends by itself. */
  readonly ended: Promise<never>;
  private readonly host: AlgorithmHost;
  private readonly datapath: LinuxDatapath;
  private readonly channel: Channel;
  private readonly bell: Bell;
  private readonly fromAlgorithm: MessageRing;
  private readonly messages: FlowMessages;
  private readonly connections = new LinuxConnections();
  private readonly message = new Uint8Array(MAX_MESSAGE_BYTES);
  private isStopped = false;

  private constructor(
    algorithm: string,
    host: AlgorithmHost,
    ended: Promise<never>,
    { name, ecn, reportIntervalMicros, say }: LinuxRunOptions,
  ) {
    this.algorithm = algorithm;
    this.host = host;
    this.ended = ended;
    const memory = newBellMemory();
    this.bell = new Bell(memory);
    this.channel = host.attach({ bell: memory });
    this.fromAlgorithm = new MessageRing(this.channel.fromAlgorithm);
    const algorithmBell = new Bell(this.channel.bell);
    const toAlgorithm = new MessageRing(this.channel.toAlgorithm);
    // Once for all that is told in a turn: each call may find it asleep again.
    let isRinging = false;
    const ring = () => {
      isRinging = false;
      algorithmBell.ring();
    };
    const messages = new FlowMessages(toAlgorithm, () => {
      if (!isRinging) queueMicrotask(ring);
      isRinging = true;
    });
    this.messages = messages;
    const writer = new MessageWriter();
    const { connections } = this;
    this.datapath = openLinuxDatapath(
      { name, ecn, ...(reportIntervalMicros !== undefined && { reportIntervalMicros }) },
      {
        open: (flow, nowMicros) => {
          connections.open(flow);
          messages.open(flow.id, writer.bytes, writer.create(flow.id, flow, algorithm, nowMicros));
        },
        report: ({ flow, generation, serial, nowMicros, values }) => {
          connections.reported(flow);
          const length = writer.report(flow, generation, serial, nowMicros, values, values.length);
          messages.report(flow, writer.bytes, length);
        },
        close: (flow) => {
          connections.close(flow);
          messages.close(flow);
        },
        event: (flow, _nowMicros, event) => {
          const trouble = connections.happened(flow, event);
          if (trouble !== undefined) say(trouble);
        },
      },
    );
    void this.pump();
  }

  /** Rejects with SelvageError when the file is no good, or the kernel cannot be steered. */
  static async start(options: LinuxRunOptions): Promise<LinuxRun> {
    const trial = new URL('./algorithm-trial.js', import.meta.url);
    const { code, name } = await tryOut<TriedAlgorithm>(options.file, trial);
    let end: (error: SelvageError) => void = () => {};
    const ended = new Promise<never>((_, reject) => {
      end = reject;
    });
    // It is for whoever asks.
    ended.catch(() => {});
    const host = await AlgorithmHost.start(code, new URL('./algorithm-thread.js', import.meta.url), {
      trouble: (message, flows) =>
        options.say(`the algorithm threw, and lost ${flows} connections: ${message}`),
      ended: (reason) => end(new SelvageError('failed', `The algorithm has ended: ${reason}.`)),
    });
    try {
      return new LinuxRun(name, host, ended, options);
    } catch (thrown) {
      await host.stop();
      throw thrown;
    }
  }

  get status(): LinuxStatus {
    return { connections: this.connections.all, counts: this.datapath.counts };
  }

  /** Connections go on under Reno; the name is free. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.bell.ring();
    this.messages.stop();
    this.datapath.close();
    await this.host.stop();
  }

  private async pump(): Promise<void> {
    while (!this.isStopped) {
      const seen = this.bell.calls;
      const more = this.obey();
      // Who commands has listened, and may have made room.
      this.messages.tell();
      if (more) await nextEvents();
      else await this.bell.heard(seen);
    }
  }

  /** True when there may be more to obey at once. */
  private obey(): boolean {
    const { fromAlgorithm, message } = this;
    for (let i = 0; i < BATCH; i++) {
      const length = fromAlgorithm.pop(message);
      if (length === 0) return false;
      const said = readFromAlgorithm(message, length);
      if (said?.kind === 'command') this.datapath.command(said.flow, said.command);
    }
    return true;
  }
}
