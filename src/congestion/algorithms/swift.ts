// Swift (Kumar et al., SIGCOMM 2020) wholly as a datapath program, because a report takes longer than a round trip where
// it is at home. It does what the transport's own does (../swift.ts, BIFROST appendix D), in whole numbers; a
// differential test holds the two together.

import type { Algorithm, FlowControl } from '../algorithm.ts';
import { MAX_WINDOW_PACKETS } from '../constant-window.ts';
import { compile } from '../language/compiler.ts';
import {
  ADDITIVE_INCREASE,
  DEFAULT_TARGETS,
  flowScaling,
  MIN_CWND_PACKETS,
  type SwiftTargets,
} from '../swift.ts';

// Windows are counted in 1024ths of a byte, or else a packet's share of a large one would round to nothing; `one` is a
// packet, `least` a hundredth of one. `srtt` and `delay` are eight times the averages. `alpha` is in thousandths, as is
// the root it is divided by.
const program = compile(`
(def
  (base 0) (hop 0) (range 0) (endpoint_target 0) (alpha 0) (offset 0)
  (mss 0) (one 0) (least 0) (most 0)
  (fabric 0) (fabric_cut 0) (endpoint 0) (endpoint_cut 0)
  (srtt 0) (delay 0) (timeouts 0) (target 0) (step 0) (window 0) (acked 0))
; §3.4: loss and timeouts. Marks count as loss.
(when true
  (:= acked (+ acked Ack.bytes_acked))
  (if Flow.was_timeout
    (:= timeouts (+ timeouts 1))
    (if Ack.bytes_acked (:= timeouts 0)))
  (if (and (or Flow.was_timeout Ack.lost_pkts_sample Ack.ecn_packets)
           (>= (- Ack.now fabric_cut) (/ srtt 8))) (
    (:= fabric (/ fabric 2))
    (:= fabric_cut Ack.now)))
  (if (>= timeouts 5) (:= fabric least)))
; Algorithm 1, for each of the two windows, when there is something new to judge by.
(when Ack.is_sample
  (:= srtt (if srtt (+ (- srtt (/ srtt 8)) Flow.rtt_sample_us) (* 8 Flow.rtt_sample_us)))
  (:= delay (if delay (+ (- delay (/ delay 8)) Flow.endpoint_delay_us) (* 8 Flow.endpoint_delay_us)))
  (:= target (/ alpha (max 1 (isqrt (/ (* fabric 15625) (* 16 mss))))))
  (:= target (+ base (* hop Flow.hops) (min range (- target offset))))
  (:= step (* ${ADDITIVE_INCREASE} acked mss 1048576))
  (:= acked 0)
  (if (< Flow.fabric_delay_us target)
    (:= fabric (min most (+ fabric (/ step (max fabric one)))))
    (if (>= (- Ack.now fabric_cut) (/ srtt 8)) (
      (:= fabric (- fabric (min (/ fabric 2)
        (/ (* (/ fabric 10) 8 (- Flow.fabric_delay_us target)) Flow.fabric_delay_us))))
      (:= fabric_cut Ack.now))))
  (if (< delay (* 8 endpoint_target))
    (:= endpoint (min most (+ endpoint (/ step (max endpoint one)))))
    (if (>= (- Ack.now endpoint_cut) (/ srtt 8)) (
      (:= endpoint (- endpoint (min (/ endpoint 2)
        (/ (* (/ endpoint 10) 8 (- delay (* 8 endpoint_target))) delay))))
      (:= endpoint_cut Ack.now))))
  (fallthrough))
; §3.3: below one packet the window is a rate.
(when true
  (:= fabric (max least fabric))
  (:= endpoint (max least endpoint))
  (:= window (min fabric endpoint))
  (:= Cwnd (/ (max one window) 1024))
  (:= Rate (if (< window one) (/ (* window 15625) (* 2 srtt)) 0)))
`);

export interface SwiftProgramOptions {
  readonly targets?: SwiftTargets;
  readonly maxCwndPackets?: number;
}

export function swift(options: SwiftProgramOptions = {}): Algorithm {
  return {
    name: 'swift',
    onCreate: (control) => {
      install(control, options);
      return { onReport() {} };
    },
  };
}

function install(control: FlowControl, options: SwiftProgramOptions): void {
  const { targets = DEFAULT_TARGETS, maxCwndPackets = MAX_WINDOW_PACKETS } = options;
  const { mssBytes, initialCwndBytes } = control.flow;
  const one = mssBytes * 1024;
  const { alpha, beta } = flowScaling(targets);
  control.install(program, {
    Cwnd: initialCwndBytes,
    Rate: 0,
    base: targets.baseMicros,
    hop: targets.perHopMicros,
    range: targets.rangeMicros,
    endpoint_target: targets.endpointMicros,
    alpha: alpha * 1000,
    offset: -beta,
    mss: mssBytes,
    one,
    least: one * MIN_CWND_PACKETS,
    most: one * maxCwndPackets,
    fabric: initialCwndBytes * 1024,
    endpoint: one * maxCwndPackets,
  });
}
