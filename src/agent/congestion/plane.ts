// The congestion control plane of a host (CCP §4.3, §4.5): which algorithms run, each in a thread of its own, and which of
// them governs what. Data threads are told of every change, and go on by themselves when an algorithm ends. One that
// ended by itself is started again, not for ever.

import { SelvageError } from '../../base/errors.ts';
import { isNative, NATIVE_NAMES } from '../../vswitch/config.ts';
import type { DataThreads } from '../threads/data-threads.ts';
import { tryOut } from '../upgrades/trial.ts';
import type { AlgorithmCode } from './algorithm-code.ts';
import { AlgorithmHost } from './algorithm-host.ts';
import type { TriedAlgorithm } from './algorithm-trial.ts';
import { builtInNames, isBuiltIn } from './built-in.ts';
import type { CongestionStatus, EndOutcome, RunOutcome } from './congestion-status.ts';
import type { PlaneReport } from './plane-report.ts';
import { CONFIGURED, type Configured, Rules } from './rules.ts';
import { type Joining, NEVER, newRunning, type Offering, type Running, statusOf, sumOf } from './running.ts';
import type { Selector } from './selector.ts';
import type { SocketCounts } from './socket-datapath.ts';
import { refuseTaken } from './taken-names.ts';

/** After an algorithm ended by itself: until it is started again. */
const RESTART_MILLIS = [1000, 5000, 25_000];
/** One that ran for so long begins with the first of these again. */
const PROVEN_MILLIS = 60_000;

export class CongestionPlane {
  private readonly threads: Pick<DataThreads, 'threads' | 'congestionFds'>;
  private readonly startHost: typeof AlgorithmHost.start;
  readonly say: (line: string) => void;
  /** Other algorithms run than before. */
  onChange: () => void = () => {};
  private readonly algorithms = new Map<string, Running>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly rules = new Rules();
  private lastLink = 0;
  private last: Promise<unknown> = Promise.resolve();
  private stopped = false;

  constructor(
    threads: Pick<DataThreads, 'threads' | 'congestionFds'>,
    say: (line: string) => void,
    startHost = AlgorithmHost.start,
  ) {
    this.threads = threads;
    this.say = say;
    this.startHost = startHost;
  }

  /** Starts what configured networks name. What cannot run is said; their connections are on their own until it does. */
  async begin(networks: readonly Configured[]): Promise<void> {
    await this.inTurn(async () => {
      this.rules.configure(networks);
      for (const name of new Set(networks.map(({ congestion }) => congestion))) {
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
      await this.start(name, code);
      this.rules.begun(name);
      if (selector !== undefined) this.rules.add(name, selector);
      return this.outcome(name, await this.publish());
    });
  }

  /** Lets an algorithm, of the plane or native, govern what is selected; `configured`: whatever is configured. */
  set(name: string, selector: Selector): Promise<RunOutcome> {
    return this.inTurn(async () => {
      const wanted = name === CONFIGURED ? this.rules.endedFor(selector) : [name];
      for (const each of wanted) {
        if (!isNative(each)) await this.ensure(each);
        this.rules.begun(each);
      }
      this.rules.add(name, selector);
      return this.outcome(name, await this.publish());
    });
  }

  /** Ends an algorithm for good. What it governs goes over to what else is set or configured, or the transport's own. */
  end(name: string): Promise<EndOutcome> {
    return this.inTurn(async () => {
      const running = this.algorithms.get(name);
      if (running === undefined) {
        const names = [...this.algorithms.keys()].join(', ');
        throw new SelvageError('bad-input', `There is no algorithm ${name} to end.`, {
          hint: isNative(name) ? 'It is the transport’s own.' : `There is: ${names || 'none'}.`,
        });
      }
      this.algorithms.delete(name);
      const governed = this.rules.end(name);
      await this.publish();
      await running.host?.stop();
      return { algorithm: name, governed };
    });
  }

  /** A program behind the socket offers an algorithm: it is one of those that run until the program goes. */
  adopt(name: string, host: Offering): Promise<void> {
    return this.inTurn(async () => {
      // It may have gone while others had their turns.
      if (!host.isOpen) return;
      refuseTaken(name);
      if (this.algorithms.get(name)?.given !== undefined) {
        throw new SelvageError('in-use', `${name} is the name of an algorithm that was brought before.`, {
          hint: 'Offer it under another name.',
        });
      }
      await this.join(newRunning(name, undefined), host);
      await this.publish();
    });
  }

  withdraw(name: string, host: Joining): void {
    const running = this.algorithms.get(name);
    if (running?.host === host) this.ended(running, 'its program closed the connection');
  }

  /**
   * For a datapath behind the socket: what runs under a name. Nothing is started for it but one that comes with Selvage
   * and was not asked for yet. Rejects with SelvageError when there is none.
   */
  hostOf(name: string): Promise<Joining> {
    return this.inTurn(async () => {
      if (!this.algorithms.has(name) && isBuiltIn(name)) {
        await this.ensure(name);
        await this.publish();
      }
      const host = this.running(name);
      if (host !== undefined) return host;
      throw new SelvageError('unsupported', `No algorithm ${name} runs that takes flows of other programs.`, {
        hint: `There is: ${builtInNames.join(', ')}; \`selvage cc run FILE\` brings another.`,
      });
    });
  }

  /**
   * One that runs in a thread of ours. What a program behind the socket offers has the numbers of the data threads' flows
   * for its own, so nobody else's may be among them.
   */
  running(name: string): Joining | undefined {
    const running = this.algorithms.get(name);
    return running?.given === undefined ? undefined : running.host;
  }

  async status(socket: SocketCounts = { bad: 0, closed: 0 }): Promise<CongestionStatus> {
    const names = [...this.algorithms.keys()];
    const reports = await this.reports(names);
    return {
      algorithms: [...this.algorithms.values()].map((running) => statusOf(running, reports)),
      rules: this.rules.status(),
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
    if (known?.given !== undefined) await this.start(name, known.given);
    else if (isBuiltIn(name)) await this.start(name, name);
    else if (name.startsWith('/')) {
      const script = new URL('./algorithm-trial.js', import.meta.url);
      await this.start(name, (await tryOut<TriedAlgorithm>(name, script)).code);
    } else {
      // Programs that went are not to be had either.
      const here = [...this.algorithms.values()].filter(({ given, host }) => (given ?? host) !== undefined);
      const names = [...NATIVE_NAMES, ...builtInNames, ...here.map((each) => each.name), CONFIGURED];
      throw new SelvageError('bad-input', `There is no algorithm ${name}.`, {
        hint: `There is: ${[...new Set(names)].join(', ')}. \`selvage cc run FILE\` brings another.`,
      });
    }
  }

  /** In place of one that has the name: flows go from that one to the new one as they are. */
  private async start(name: string, given: string | AlgorithmCode, restarts = NEVER): Promise<void> {
    const script = new URL('./algorithm-thread.js', import.meta.url);
    const running = newRunning(name, given, restarts);
    const host = await this.startHost(given, script, {
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
    const { name, restarts, startedMillis } = running;
    running.host = undefined;
    running.links = [];
    running.trouble = reason;
    this.say(`the algorithm ${name} ended: ${reason}; its flows go on by themselves`);
    void this.inTurn(() => this.publish()).catch(() => {});
    const isProven = performance.now() - startedMillis >= PROVEN_MILLIS;
    this.restartLater(running, isProven ? 0 : restarts.tries);
  }

  private restartLater(running: Running, tries: number): void {
    const wait = RESTART_MILLIS[tries];
    if (wait === undefined || running.given === undefined) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      void this.inTurn(() => this.restart(running, tries + 1)).catch(() => {});
    }, wait);
    timer.unref();
    this.timers.add(timer);
  }

  /** Unless something else has its name by now. */
  private async restart(ended: Running, tries: number): Promise<void> {
    const { name, given, trouble, restarts } = ended;
    if (this.stopped || given === undefined || this.algorithms.get(name) !== ended) return;
    try {
      await this.start(name, given, { all: restarts.all + 1, tries });
    } catch (error) {
      if (this.stopped) return;
      this.say(`${name} does not run: ${SelvageError.from(error).message}`);
      this.restartLater(ended, tries);
      return;
    }
    this.algorithms.get(name)!.trouble = `${trouble}; started again`;
    await this.publish();
  }

  /** Programs that went, once no rule waits for them to come back. */
  private forget(): void {
    for (const { name, given, host } of this.algorithms.values())
      if (given === undefined && host === undefined && !this.rules.isSet(name)) this.algorithms.delete(name);
  }

  private publish(): Promise<readonly PlaneReport[]> {
    this.forget();
    this.onChange();
    const running = [...this.algorithms.values()];
    const change = {
      rules: this.rules.all,
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
    const governs = this.rules.governedBy(name);
    if (running === undefined) return { algorithm: name, governs, flows: 0 };
    const { controlled, fallback } = statusOf(running, reports);
    return { algorithm: name, governs, flows: controlled + fallback };
  }
}
