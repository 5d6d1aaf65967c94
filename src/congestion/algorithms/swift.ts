// Swift (Kumar et al., "Swift: Delay is Simple and Effective for Congestion Control in the Datacenter", SIGCOMM 2020,
// algorithm 1) wholly as a datapath program, because a report takes longer than a round trip there; BIFROST appendix D
// feeds it. Two windows, one judged by the fabric's delay against a target that grows with the hops and shrinks with the
// window (§3.5 there), one by the endpoint's; the smaller one counts. Windows below one packet are not modelled.

import type { Algorithm, FlowControl } from '../algorithm.ts';
import { compile } from '../language/compiler.ts';

export interface SwiftParameters {
  /** The fabric's target for a packet that crosses no switch, and what each hop adds. */
  readonly baseTargetMicros: number;
  readonly hopMicros: number;
  readonly endpointTargetMicros: number;
  /** How much more target small flows get, and between which windows (in packets) that fades. */
  readonly flowScalingMicros: number;
  readonly flowScalingMin: number;
  readonly flowScalingMax: number;
}

/** For a data centre of some tens of microseconds. */
export const DATA_CENTRE_SWIFT: SwiftParameters = {
  baseTargetMicros: 25,
  hopMicros: 5,
  endpointTargetMicros: 50,
  flowScalingMicros: 50,
  flowScalingMin: 1,
  flowScalingMax: 100,
};

// Windows are counted in 1024ths of a byte, or else a packet's share of a large one would round to nothing. `alpha` is
// in thousandths of a microsecond. Additive increase of one packet a round trip; beta 0.8; at most half at a time.
const program = compile(`
(def
  (mss 1460) (base 0) (hop 0) (endpoint_target 0) (range 0) (alpha 0) (offset 0)
  (fabric 0) (endpoint 0) (endpoint_delay 0) (last_cut 0) (target 0) (may_cut 0) (step 0) (sqrt 0))
(when true
  (:= may_cut (>= (- Ack.now last_cut) Flow.rtt_sample_us))
  (:= endpoint_delay (ewma 8 Flow.endpoint_delay_us))
  (:= sqrt (max 1 (isqrt (/ (* (/ fabric 1024) 1000000) mss))))
  (:= target (+ base (* hop Flow.hops) (min range (- (/ alpha sqrt) offset))))
  (:= step (* Ack.bytes_acked mss 1048576)))
; Half for a loss or a timeout, once a round trip.
(when (and may_cut (or Ack.lost_pkts_sample Flow.was_timeout))
  (:= fabric (max (/ fabric 2) (* mss 1024)))
  (:= endpoint (max (/ endpoint 2) (* mss 1024)))
  (:= last_cut Ack.now)
  (:= Cwnd (/ (min fabric endpoint) 1024)))
(when true
  (if (< Flow.fabric_delay_us target)
    (:= fabric (+ fabric (/ step fabric)))
    (if may_cut (
      (:= fabric (- fabric (min (/ fabric 2)
        (/ (* fabric 8 (- Flow.fabric_delay_us target)) (* 10 Flow.fabric_delay_us)))))
      (:= last_cut Ack.now))))
  (if (< endpoint_delay endpoint_target)
    (:= endpoint (+ endpoint (/ step endpoint)))
    (if may_cut (
      (:= endpoint (- endpoint (min (/ endpoint 2)
        (/ (* endpoint 8 (- endpoint_delay endpoint_target)) (* 10 endpoint_delay)))))
      (:= last_cut Ack.now))))
  (:= fabric (max fabric (* mss 1024)))
  (:= endpoint (max endpoint (* mss 1024)))
  ; The window that does not count stays near the one that does, to be of use when that changes.
  (:= fabric (min fabric (* 2 endpoint)))
  (:= endpoint (min endpoint (* 2 fabric)))
  (:= Cwnd (/ (min fabric endpoint) 1024)))
`);

export function swift(parameters: SwiftParameters = DATA_CENTRE_SWIFT): Algorithm {
  return {
    name: 'swift',
    onCreate: (control) => {
      install(control, parameters);
      return { onReport() {} };
    },
  };
}

/** Flow scaling (§3.5 there): alpha / sqrt(cwnd) − offset, between nothing and its range. */
function install(control: FlowControl, parameters: SwiftParameters): void {
  const { flowScalingMicros: range, flowScalingMin, flowScalingMax } = parameters;
  const { mssBytes, initialCwndBytes } = control.flow;
  const alpha = range / (1 / Math.sqrt(flowScalingMin) - 1 / Math.sqrt(flowScalingMax));
  control.install(program, {
    Cwnd: initialCwndBytes,
    Rate: 0,
    mss: mssBytes,
    base: parameters.baseTargetMicros,
    hop: parameters.hopMicros,
    endpoint_target: parameters.endpointTargetMicros,
    range,
    alpha: alpha * 1000,
    offset: alpha / Math.sqrt(flowScalingMax),
    fabric: initialCwndBytes * 1024,
    endpoint: initialCwndBytes * 1024,
  });
}
