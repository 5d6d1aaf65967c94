// What a flow does on its own: Reno (RFC 5681, with RFC 3465's counting of bytes) as a datapath program that reports
// nothing and needs no one. Flows start with it, and return to it when their algorithm fails (CCP §4.5.2).

import { compile } from './language/compiler.ts';

/** `mss` is to be set when it is installed; `ssthresh` when a window is known already. */
export const fallbackProgram = compile(`
(def (mss 1460) (ssthresh +infinity) (credit 0))
(when Flow.was_timeout
  (:= ssthresh (max (/ Cwnd 2) (* 2 mss)))
  (:= Cwnd mss)
  (:= credit 0)
  (reset))
; What is seen lost within one and a half round trips of a reduction was sent before it.
(when (and (> Ack.lost_pkts_sample 0) (> (* 2 Timer.Micros) (* 3 Flow.rtt_sample_us)))
  (:= ssthresh (max (/ Cwnd 2) (* 2 mss)))
  (:= Cwnd ssthresh)
  (:= credit 0)
  (reset))
; A window that is not used says nothing about the network (RFC 7661).
(when (< (* 2 (+ Flow.bytes_in_flight Ack.bytes_acked)) Cwnd))
(when (< Cwnd ssthresh)
  (:= Cwnd (+ Cwnd (min Ack.bytes_acked (* 2 mss)))))
(when true
  (:= credit (+ credit Ack.bytes_acked))
  (if (>= credit Cwnd) (
    (:= credit (- credit Cwnd))
    (:= Cwnd (+ Cwnd mss)))))
`);
