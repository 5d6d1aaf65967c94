// Which algorithm is to govern what: what people set, and beneath it what is configured. A network whose configured
// algorithm people ended is left to the transport's own until they ask for it again.

import type { FlowRule } from '../../congestion/plane/links.ts';
import type { NativeName } from '../../vswitch/config.ts';
import type { RuleStatus } from './congestion-status.ts';
import { describeSelector, type Selector, sameSelection } from './selector.ts';

/** Takes a rule away instead of making one. */
export const CONFIGURED = 'configured';

/** What governs a network that says nothing. */
const NATIVE: NativeName = 'swift';

/** A network, and what its configuration says. */
export interface Configured {
  readonly vni: number;
  readonly congestion: string;
}

export class Rules {
  private set: readonly FlowRule[] = [];
  private configured: readonly Configured[] = [];
  /** Those that are configured, and ended by people. */
  private readonly ended = new Set<string>();

  /** In their order; the last one that fits a connection decides. */
  get all(): readonly FlowRule[] {
    const left = this.configured.filter(({ congestion }) => this.ended.has(congestion));
    return [...left.map(({ vni }) => ({ vni, algorithm: NATIVE })), ...this.set];
  }

  configure(networks: readonly Configured[]): void {
    this.configured = networks;
  }

  /** `configured` takes back what was set for the same selection. */
  add(algorithm: string, selector: Selector): void {
    const others = this.set.filter((rule) => !sameSelection(rule, selector));
    this.set = algorithm === CONFIGURED ? others : [...others, { ...selector, algorithm }];
  }

  isSet(algorithm: string): boolean {
    return this.set.some((rule) => rule.algorithm === algorithm);
  }

  /** What is configured for networks in there, and was ended. */
  endedFor({ vni }: Selector): readonly string[] {
    const within = this.configured.filter((network) => vni === undefined || network.vni === vni);
    return within.map(({ congestion }) => congestion).filter((name) => this.ended.has(name));
  }

  /** Somebody asks for it. */
  begun(algorithm: string): void {
    this.ended.delete(algorithm);
  }

  /** Says what it governed. */
  end(algorithm: string): readonly string[] {
    const governed = this.governedBy(algorithm);
    const networks = this.configured.filter(({ congestion }) => congestion === algorithm);
    this.set = this.set.filter((rule) => rule.algorithm !== algorithm);
    if (networks.length > 0) this.ended.add(algorithm);
    return [...governed, ...networks.map(({ vni }) => describeSelector({ vni }))];
  }

  /** What was set for it. */
  governedBy(algorithm: string): readonly string[] {
    return this.set.filter((rule) => rule.algorithm === algorithm).map(describeSelector);
  }

  status(): readonly RuleStatus[] {
    return this.all.map((rule) => ({ algorithm: rule.algorithm, governs: describeSelector(rule) }));
  }
}
