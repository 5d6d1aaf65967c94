// Tries an algorithm on a made-up flow before it gets a real one: what throws, installs nothing or asks for what makes no
// sense in its first moments is refused with the reason. It sees some round trips, a loss and a timeout.

import { SelvageError } from '../base/errors.ts';
import type { Algorithm, FlowInfo } from './algorithm.ts';
import { ControlPlane } from './control-plane.ts';
import { FlowDatapath } from './datapath.ts';
import { signals } from './language/signals.ts';

const MSS_BYTES = 1400;
const RTT_MICROS = 1000;
const ROUNDS = 20;
const ACKS_PER_ROUND = 10;
const LOSS_AT = 90;
const TIMEOUT_AT = 150;

const flow: FlowInfo = {
  id: 1,
  mssBytes: MSS_BYTES,
  initialCwndBytes: 64 * MSS_BYTES,
  protocol: 'bifrost',
  source: '02:00:00:00:00:01',
  sourcePort: 0,
  destination: '02:00:00:00:00:02',
  destinationPort: 4789,
  overlay: { vni: 1, peer: '10.0.0.2' },
};

/** Throws SelvageError when it would not do. */
export function rehearse(algorithm: Algorithm): void {
  let trouble: SelvageError | undefined;
  let installed = 0;
  const refuse = (detail: string) => {
    trouble ??= new SelvageError('bad-input', detail);
  };
  const datapath: FlowDatapath = new FlowDatapath(
    0,
    { ...flow, maxCwndBytes: 4096 * MSS_BYTES },
    {
      report: (generation, serial, nowMicros, values) =>
        plane.report({ flow: flow.id, generation, serial, nowMicros, values: values.slice() }),
      event: (_, event) => {
        if (event.kind === 'installed') installed++;
        else refuse(event.detail);
      },
    },
  );
  let now = 0;
  const plane = new ControlPlane(algorithm, {
    command: (_, command) => datapath.command(now, command),
    failed: (_, error) => {
      trouble = new SelvageError('bad-input', error.message, { cause: error });
    },
  });
  plane.open(flow, now);
  if (trouble === undefined && installed === 0) {
    throw new SelvageError('bad-input', 'onCreate installed no program', {
      hint: 'Call control.install(compile(`…`), { Cwnd: … }) there (docs/congestion-plane.md).',
    });
  }
  for (let ack = 1; ack <= ROUNDS * ACKS_PER_ROUND && trouble === undefined; ack++) {
    now += RTT_MICROS / ACKS_PER_ROUND;
    play(datapath, now, ack);
  }
  if (trouble !== undefined) throw trouble;
}

function play(datapath: FlowDatapath, now: number, ack: number): void {
  const seen = datapath.signals;
  const isTimeout = ack === TIMEOUT_AT;
  seen[signals['Ack.bytes_acked']] = isTimeout ? 0 : MSS_BYTES;
  seen[signals['Ack.packets_acked']] = isTimeout ? 0 : 1;
  seen[signals['Ack.lost_pkts_sample']] = ack === LOSS_AT ? 1 : 0;
  seen[signals['Ack.now']] = now;
  seen[signals['Ack.is_sample']] = isTimeout ? 0 : 1;
  seen[signals['Flow.was_timeout']] = isTimeout ? 1 : 0;
  seen[signals['Flow.rtt_sample_us']] = RTT_MICROS;
  seen[signals['Flow.fabric_delay_us']] = RTT_MICROS / 2;
  seen[signals['Flow.endpoint_delay_us']] = RTT_MICROS / 2;
  seen[signals['Flow.rate_outgoing']] = (datapath.cwndBytes * 1e6) / RTT_MICROS;
  seen[signals['Flow.rate_incoming']] = (datapath.cwndBytes * 1e6) / RTT_MICROS;
  seen[signals['Flow.bytes_in_flight']] = datapath.cwndBytes;
  seen[signals['Flow.packets_in_flight']] = Math.ceil(datapath.cwndBytes / MSS_BYTES);
  datapath.invoke(now);
}
