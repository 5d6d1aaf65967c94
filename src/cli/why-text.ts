// `selvage why` as people read it: what holds of the connection and the peer now, and then a line for each decision, of
// whoever decided it.
import type { FlowStatus } from '../agent/reports/status.ts';
import type { WhyStatus } from '../agent/reports/why-status.ts';
import { table } from '../base/table.ts';
import type { RerouteDecision } from '../reroute/status.ts';
import { decisionText } from '../reroute/words.ts';
import { age } from './quantities.ts';
import { flowLines, pathDecisionText, pauseText, peerLines } from './why-agent.ts';

export interface Why {
  /** Absent: none was asked about. */
  readonly flow: FlowStatus | undefined;
  readonly agent: WhyStatus;
  /** Of processes that reroute a VXLAN device. */
  readonly decisions: readonly RerouteDecision[];
}

export function renderWhy({ flow, agent, decisions }: Why): string {
  const several = [...agent.decisions, ...agent.pauses].some(({ thread }) => thread > 0);
  const by = (thread: number) => (several ? `agent, thread ${thread}` : 'agent');
  const lines = [
    ...agent.decisions.map((decision) => ({
      secondsAgo: decision.secondsAgo,
      peer: decision.vtep,
      by: by(decision.thread),
      text: pathDecisionText(decision),
    })),
    ...agent.pauses.map((pause) => ({
      secondsAgo: pause.secondsAgo,
      peer: pause.vtep ?? '-',
      by: by(pause.thread),
      text: pauseText(pause),
    })),
    ...decisions.map((decision) => ({
      secondsAgo: decision.secondsAgo,
      peer: decision.peer,
      by: decision.dev,
      text: decisionText(decision),
    })),
  ].sort((a, b) => b.secondsAgo - a.secondsAgo);
  const parts = [
    ...(flow === undefined ? [] : [flowLines(flow).join('\n')]),
    ...(peerLines(agent.peers).length > 0 ? [peerLines(agent.peers).join('\n')] : []),
    lines.length === 0
      ? 'Nothing was left, and nothing else decided.'
      : table(
          ['WHEN', 'PEER', 'BY', 'WHAT AND WHY'],
          lines.map(({ secondsAgo, peer, by, text }) => [`${age(secondsAgo)} ago`, peer, by, text]),
        ),
  ];
  return parts.join('\n\n');
}
