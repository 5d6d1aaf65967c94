// `selvage cc trace`: asks the agent for one connection ten times a second and draws what it says.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fetchFlows } from '../agent/admin/agent-client.ts';
import type { FlowStatus } from '../agent/reports/status.ts';
import { SelvageError } from '../base/errors.ts';
import { curvesOf, renderTrace, type TraceSample, traceSvg } from './trace-chart.ts';

const PERIOD_MILLIS = 100;

interface TraceOptions {
  readonly runtimeDir: string;
  readonly seconds: number;
  readonly svg?: string;
  readonly json?: true;
}

export async function traceFlow(
  cid: string,
  { runtimeDir, seconds, svg, json }: TraceOptions,
): Promise<void> {
  const samples: TraceSample[] = [];
  const begin = performance.now();
  let algorithm = '';
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  process.once('SIGINT', stop);
  for (let tick = 0; !stopped && performance.now() - begin < seconds * 1000; tick++) {
    const [flow] = await fetchFlows(runtimeDir, { cid });
    if (flow === undefined) {
      if (samples.length > 0) break;
      throw new SelvageError('bad-input', `There is no connection ${cid}.`, {
        hint: 'A connection that is begun anew has another CID: `selvage flows` lists them.',
      });
    }
    algorithm = flow.congestion;
    samples.push(sampleOf(flow, (performance.now() - begin) / 1000));
    await sleep(Math.max(0, begin + (tick + 1) * PERIOD_MILLIS - performance.now()));
  }
  process.off('SIGINT', stop);
  const title = `${cid} under ${algorithm}`;
  if (json) console.log(JSON.stringify(samples, null, 2));
  else console.log(renderTrace(title, curvesOf(samples)));
  if (svg !== undefined) writeFileSync(svg, traceSvg(title, curvesOf(samples)));
}

/** Of the slots that packets are sprayed over. */
function sampleOf({ slots, sent }: FlowStatus, atSeconds: number): TraceSample {
  const used = slots.filter(({ sprayed }) => sprayed);
  const sum = (values: readonly number[]) => values.reduce((total, each) => total + each, 0);
  const most = (values: readonly number[]) => values.reduce((largest, each) => Math.max(largest, each), 0);
  return {
    atSeconds,
    cwndBytes: sum(used.map(({ cwndBytes = 0 }) => cwndBytes)),
    sentBytes: sent.bytes,
    rttMicros: most(used.map(({ rttMicros }) => rttMicros)),
    fabricMicros: most(used.map(({ fabricMicros }) => fabricMicros)),
  };
}
