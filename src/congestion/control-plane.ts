// Runs one algorithm for all flows of a datapath (CCP §4.4, §4.7.3): hands reports to the controller of their flow,
// turns names into registers, and tells the datapath when a report has been dealt with. What an algorithm throws ends
// its control over the flows it had, and nothing else.

import { SelvageError } from '../base/errors.ts';
import type { Algorithm, Controller, FlowControl, FlowInfo, Report, Values } from './algorithm.ts';
import type { Command, RegisterValues, ReportMessage } from './commands.ts';
import type { CompiledProgram } from './language/compiler.ts';

export interface ControlPlaneOutput {
  command(flow: number, command: Command): void;
  /** An algorithm failed, and no longer controls these flows. */
  failed(flows: readonly FlowInfo[], error: SelvageError): void;
}

interface Aggregate {
  readonly key: string;
  readonly controller: Controller;
  readonly members: Map<number, Control>;
}

export class ControlPlane {
  private readonly algorithm: Algorithm;
  private readonly output: ControlPlaneOutput;
  private readonly aggregates = new Map<string, Aggregate>();
  private readonly aggregateOf = new Map<number, Aggregate>();

  constructor(algorithm: Algorithm, output: ControlPlaneOutput) {
    this.algorithm = algorithm;
    this.output = output;
  }

  /** Flows under control. */
  get size(): number {
    return this.aggregateOf.size;
  }

  open(flow: FlowInfo, nowMicros: number): void {
    const control = new Control(flow, this.output);
    this.guard(
      () => [flow],
      () => {
        const key = this.algorithm.aggregateBy?.(flow) ?? `flow ${flow.id}`;
        let aggregate = this.aggregates.get(key);
        if (aggregate === undefined) {
          const controller = this.algorithm.onCreate(control, nowMicros);
          aggregate = { key, controller, members: new Map() };
          this.aggregates.set(key, aggregate);
        } else {
          aggregate.controller.createSubflow?.(control, nowMicros);
        }
        aggregate.members.set(flow.id, control);
        this.aggregateOf.set(flow.id, aggregate);
      },
    );
  }

  report(message: ReportMessage): void {
    const aggregate = this.aggregateOf.get(message.flow);
    const control = aggregate?.members.get(message.flow);
    if (aggregate === undefined || control === undefined) return;
    const report = control.read(message);
    if (report !== undefined) {
      const { members, controller } = aggregate;
      if (
        !this.guard(
          () => flowsOf(members),
          () => controller.onReport(report),
        )
      )
        return;
    }
    this.output.command(message.flow, { kind: 'answer', serial: message.serial });
  }

  close(flow: number): void {
    const aggregate = this.aggregateOf.get(flow);
    const control = aggregate?.members.get(flow);
    if (aggregate === undefined || control === undefined) return;
    this.forget(control.flow);
    const { members, controller } = aggregate;
    this.guard(
      () => flowsOf(members),
      () => controller.onClose?.(control.flow),
    );
  }

  /** Whether `work` was done; or else its flows are left to the datapath. */
  private guard(concerned: () => readonly FlowInfo[], work: () => void): boolean {
    try {
      work();
      return true;
    } catch (thrown) {
      const error = SelvageError.from(thrown);
      const flows = concerned();
      for (const flow of flows) {
        this.forget(flow);
        this.output.command(flow.id, { kind: 'abandon', why: error.message });
      }
      this.output.failed(flows, error);
      return false;
    }
  }

  private forget({ id }: FlowInfo): void {
    const aggregate = this.aggregateOf.get(id);
    this.aggregateOf.delete(id);
    aggregate?.members.delete(id);
    if (aggregate?.members.size === 0) this.aggregates.delete(aggregate.key);
  }
}

function flowsOf(members: ReadonlyMap<number, Control>): FlowInfo[] {
  return [...members.values()].map(({ flow }) => flow);
}

class Control implements FlowControl {
  readonly flow: FlowInfo;
  private readonly output: ControlPlaneOutput;
  private program: CompiledProgram | undefined;
  private generation = 0;

  constructor(flow: FlowInfo, output: ControlPlaneOutput) {
    this.flow = flow;
    this.output = output;
  }

  install(program: CompiledProgram, values: Values = {}): void {
    this.program = program;
    this.generation++;
    const { generation } = this;
    const command = {
      kind: 'install',
      generation,
      bytes: program.bytes,
      values: this.registers(values),
    } as const;
    this.output.command(this.flow.id, command);
  }

  update(values: Values): void {
    this.output.command(this.flow.id, { kind: 'update', values: this.registers(values) });
  }

  /** The report with its names; nothing when a program wrote it that has been replaced. */
  read({ generation, nowMicros, values }: ReportMessage): Report | undefined {
    const { program } = this;
    if (program === undefined || generation !== this.generation) return undefined;
    const field = (name: string): number => {
      const index = program.reportNames.indexOf(name);
      if (index >= 0) return values[index] ?? 0;
      throw unknown(name, program.reportNames, 'Declare it in (Report …) of the program.');
    };
    return { control: this, nowMicros, field };
  }

  private registers(values: Values): RegisterValues {
    const { program } = this;
    if (program === undefined) {
      const hint = 'Call install before update.';
      throw new SelvageError('bad-input', `flow ${this.flow.id} has no program yet`, { hint });
    }
    return Object.entries(values).map(([name, value]) => {
      const register = program.registers.get(name);
      if (register !== undefined) return [register, value];
      throw unknown(name, [...program.registers.keys()], 'Declare it in (def …) of the program.');
    });
  }
}

function unknown(name: string, known: readonly string[], hint: string): SelvageError {
  return new SelvageError('bad-input', `the program has no \`${name}\`, only ${known.join(', ')}`, { hint });
}
