// The congestion control plane of a host (CCP §4.3, §4.5): which algorithms run, each in a thread of its own, and which of
// them governs what. Data threads are told of every change, and go on by themselves when an algorithm ends. One that
// ended by itself is started again, not for ever.

import { SelvageError } from '../../base/errors.ts';
import type { Channel, Wake } from '../../congestion/plane/channel.ts';
import type { FlowRule } from '../../congestion/plane/links.ts';
import type { Progress } from '../../congestion/plane/progress.ts';
import { isNative, NATIVE_NAMES } from '../../vswitch/config.ts';
import type { DataThreads } from '../data-threads.ts';
import { tryOut } from '../trial.ts';
import type { AlgorithmCode } from './algorithm-code.ts';
import { AlgorithmHost } from './algorithm-host.ts';
import type { TriedAlgorithm } from './algorithm-trial.ts';
import { builtInNames, isBuiltIn } from './built-in.ts';
import type { AlgorithmStatus, CongestionStatus, RunOutcome } from './congestion-status.ts';
import type { LinkStart, PlaneReport } from './plane-report.ts';
import { describeSelector, type Selector, sameSelection } from './selector.ts';
import type { SocketCounts } from './socket-datapath.ts';

/** After an algorithm ended by itself: until it is started again. */
const RESTART_MILLIS = [1000, 5000, 25_000];
/** Takes a rule away instead of making one. */
export const CONFIGURED = 'configured';

/** What runs an algorithm: a thread, or a program behind the socket. */
export interface Joining {
  readonly progress: Progress;
  attach(wake: Wake): Channel;
  detach(channel: Channel): void;
  stop(): Promise<void>;
}

interface Running {
  readonly name: string;
  /** What runs, or ran last: the name of one that is built in, or code; absent: a program behind the socket has it. */
  readonly given: string | AlgorithmCode | undefined;
  /** Absent: it ended. */
  host: Joining | undefined;
  links: readonly LinkStart[];
  trouble: string | undefined;
  restarts: number;
}

export class CongestionPlane {
  private readonly threads: DataThreads;
  readonly say: (line: string) => void;
  /** Other algorithms run than before. */
  onChange: () => void = () => {};
  private readonly algorithms = new Map<string, Running>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private rules: readonly FlowRule[] = [];
  private lastLink = 0;
  private last: Promise<unknown> = Promise.resolve();
  private stopped = false;

  constructor(threads: DataThreads, say: (line: string) => void) {
    this.threads = threads;
    this.say = say;
  }

  /** Starts what configured networks name. What cannot run is said; their connections are on their own until it does. */
  async begin(names: readonly string[]): Promise<void> {
    await this.inTurn(async () => {
      for (const name of new Set(names)) {
        if (isNative(name)) continue;
        await this.ensure(name).catch((error) => {
          this.say(`${name} does not run: ${SelvageError.from(error).message}`);
        });
      }
      await this.publish();
    });
  }

  /** Tries a file, and runs it under its name, or this one; what it is to govern goes over to it while packets flow. */
  run(file: string, asked: string | undefined, selector: Selector | undefined): Promise<RunOutcome> {
    return this.inTurn(async () => {
      const script = new URL('./algorithm-trial.js', import.meta.url);
      const { code, name: own } = await tryOut<TriedAlgorithm>(file, script);
      const name = asked ?? own;
      refuseTaken(name);
      await this.start(name, code, 0);
      if (selector !== undefined) this.rule(name, selector);
      return this.outcome(name, await this.publish());
    });
  }

  /** Lets an algorithm, of the plane or native, govern what is selected; `configured`: whatever is configured. */
  set(name: string, selector: Selector): Promise<RunOutcome> {
    return this.inTurn(async () => {
      if (name !== CONFIGURED && !isNative(name)) await this.ensure(name);
      this.rule(name, selector);
      return this.outcome(name, await this.publish());
    });
  }

  /** A program behind the socket offers an algorithm: it is one of those that run until the program goes. */
  adopt(name: string, host: Joining): Promise<void> {
    return this.inTurn(async () => {
      refuseTaken(name);
      await this.join({ name, given: undefined, host, links: [], trouble: undefined, restarts: 0 }, host);
      await this.publish();
    });
  }

  withdraw(name: string, host: Joining): void {
    const running = this.algorithms.get(name);
    if (running?.host === host) this.ended(running, 'its program closed the connection');
  }

  /** For a datapath behind the socket. Rejects with SelvageError when there is none of this name. */
  hostOf(name: string): Promise<Joining> {
    return this.inTurn(async () => {
      if (this.algorithms.get(name)?.host === undefined) {
        await this.ensure(name);
        await this.publish();
      }
      return this.algorithms.get(name)!.host!;
    });
  }

  async status(socket: SocketCounts = { bad: 0, closed: 0 }): Promise<CongestionStatus> {
    const names = [...this.algorithms.keys()];
    const reports = await this.reports(names);
    return {
      algorithms: [...this.algorithms.values()].map((running) => statusOf(running, reports)),
      rules: this.rules.map(({ algorithm, ...selector }) => ({
        algorithm,
        governs: describeSelector(selector),
      })),
      counters: { ...sumOf(reports), socketMessagesBad: socket.bad, socketsClosed: socket.closed },
    };
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
    // What is being started meanwhile finds that it is too late.
    await Promise.all([...this.algorithms.values()].map(({ host }) => host?.stop()));
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.last.then(work);
    this.last = turn.catch(() => {});
    return turn;
  }

  /** Runs one that is built in, or a file that a configuration names, or that ran before. */
  private async ensure(name: string): Promise<void> {
    const known = this.algorithms.get(name);
    if (known?.host !== undefined) return;
    if (known?.given !== undefined) await this.start(name, known.given, 0);
    else if (isBuiltIn(name)) await this.start(name, name, 0);
    else if (name.startsWith('/')) {
      const script = new URL('./algorithm-trial.js', import.meta.url);
      await this.start(name, (await tryOut<TriedAlgorithm>(name, script)).code, 0);
    } else {
      const names = [...NATIVE_NAMES, ...builtInNames, ...this.algorithms.keys(), CONFIGURED];
      throw new SelvageError('bad-input', `There is no algorithm ${name}.`, {
        hint: `There is: ${[...new Set(names)].join(', ')}. \`selvage cc run FILE\` brings another.`,
      });
    }
  }

  /** In place of one that has the name: flows go from that one to the new one as they are. */
  private async start(name: string, given: string | AlgorithmCode, restarts: number): Promise<void> {
    const script = new URL('./algorithm-thread.js', import.meta.url);
    const running: Running = { name, given, host: undefined, links: [], trouble: undefined, restarts };
    const host = await AlgorithmHost.start(given, script, {
      trouble: (message, flows) => {
        running.trouble = `it threw, and lost ${flows} of its flows: ${message}`;
        this.say(`the algorithm ${name} failed: ${message}`);
      },
      ended: (reason) => this.ended(running, reason),
    });
    await this.join(running, host);
  }

  private async join(running: Running, host: Joining): Promise<void> {
    const { name } = running;
    if (this.stopped) {
      await host.stop();
      throw new SelvageError('failed', 'The agent stops.');
    }
    const before = this.algorithms.get(name);
    running.host = host;
    running.links = this.threads.congestionFds.map((fd) => {
      const { toAlgorithm, fromAlgorithm, bell } = host.attach({ fd });
      return { id: ++this.lastLink, algorithm: name, toAlgorithm, fromAlgorithm, bell };
    });
    this.algorithms.set(name, running);
    const old = before?.host;
    if (before === undefined || old === undefined) return;
    before.host = undefined;
    await this.publish();
    await old.stop();
  }

  private ended(running: Running, reason: string): void {
    if (this.stopped || this.algorithms.get(running.name) !== running) return;
    const { name, given, restarts } = running;
    running.host = undefined;
    running.links = [];
    running.trouble = reason;
    this.say(`the algorithm ${name} ended: ${reason}; its flows go on by themselves`);
    void this.inTurn(() => this.publish()).catch(() => {});
    const wait = RESTART_MILLIS[restarts];
    if (wait === undefined || given === undefined) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      void this.inTurn(async () => {
        if (this.stopped || this.algorithms.get(name) !== running) return;
        await this.start(name, given, restarts + 1);
        this.algorithms.get(name)!.trouble = `${reason}; started again`;
        await this.publish();
      }).catch((error) => this.say(`${name} does not run: ${SelvageError.from(error).message}`));
    }, wait);
    timer.unref();
    this.timers.add(timer);
  }

  private rule(algorithm: string, selector: Selector): void {
    const others = this.rules.filter((rule) => !sameSelection(rule, selector));
    this.rules = algorithm === CONFIGURED ? others : [...others, { ...selector, algorithm }];
  }

  private publish(): Promise<readonly PlaneReport[]> {
    this.onChange();
    const running = [...this.algorithms.values()];
    const change = {
      links: running.flatMap(({ links }) => links),
      rules: this.rules,
      endings: Object.fromEntries(
        running.flatMap(({ name, host, trouble }) =>
          host === undefined && trouble !== undefined ? [[name, trouble]] : [],
        ),
      ),
    };
    const names = running.map(({ name }) => name);
    return Promise.all(
      this.threads.threads.map((thread, i) =>
        thread.plane(names, {
          ...change,
          // Each thread has links of its own.
          links: running.flatMap(({ links }) => links[i] ?? []),
        }),
      ),
    );
  }

  private async reports(names: readonly string[]): Promise<readonly PlaneReport[]> {
    const asked = await Promise.allSettled(this.threads.threads.map((thread) => thread.plane(names)));
    return asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  }

  private outcome(name: string, reports: readonly PlaneReport[]): RunOutcome {
    const running = this.algorithms.get(name);
    const governs = this.rules
      .filter(({ algorithm }) => algorithm === name)
      .map(({ algorithm: _, ...selector }) => describeSelector(selector));
    if (running === undefined) return { algorithm: name, governs, flows: 0 };
    const { controlled, fallback } = statusOf(running, reports);
    return { algorithm: name, governs, flows: controlled + fallback };
  }
}

function refuseTaken(name: string): void {
  if (!isNative(name) && !isBuiltIn(name) && name !== CONFIGURED) return;
  throw new SelvageError('bad-input', `${name} is the name of an algorithm that comes with Selvage.`, {
    hint: 'Give it another one with --name.',
  });
}

function statusOf(running: Running, reports: readonly PlaneReport[]): AlgorithmStatus {
  const { name, given, host, trouble, restarts } = running;
  const own = reports.flatMap(({ algorithms }) => algorithms.filter(({ algorithm }) => algorithm === name));
  const detail = own.find((report) => report.detail !== '')?.detail;
  return {
    name,
    from: given === undefined ? 'socket' : typeof given === 'string' ? 'built in' : given.file,
    state: host === undefined ? 'ended' : 'running',
    controlled: own.reduce((sum, { controlled }) => sum + controlled, 0),
    fallback: own.reduce((sum, { fallback }) => sum + fallback, 0),
    reports: host?.progress.reports ?? 0,
    commands: host?.progress.commands ?? 0,
    badMessages: host?.progress.bad ?? 0,
    restarts,
    trouble: trouble ?? detail,
  };
}

function sumOf(reports: readonly PlaneReport[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { counters } of reports) {
    for (const [name, count] of Object.entries(counters)) sum[name] = (sum[name] ?? 0) + count;
  }
  return sum;
}
