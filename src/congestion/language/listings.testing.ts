// The datapath programs of the thesis as it prints them (CCP §4.4), for tests.

/** Listing 4.1: counts what was acknowledged and lost, reports on losses. */
export const listing41 = `
(def (Report (volatile acked 0) (volatile lost 0)))
(when true
(:= Report.acked (+ Report.acked Ack.bytes_acked))
(:= Report.lost (+ Report.lost Ack.lost_pkts_sample))
(fallthrough))
(when (> Report.lost 0) (report))`;

/** §4.4.3, BBR's filter, with the declarations that the excerpt leaves out. */
const bbrFilter = `
(def (minrtt +infinity) (curr_btl_est 0) (pulseState 1))
(when true
(:= minrtt (min minrtt Ack.rtt_sample_us))
(:= curr_btl_est (max curr_btl_est Flow.rate_incoming))
(fallthrough))`;

/** §4.4.3, the pulses; our copy of the text has kept only the last line, the rest is as the prose around it says. */
export const bbrPulse = `${bbrFilter}
(when (and (== pulseState 0) (> Timer.micros minrtt))
(:= Rate (/ (* curr_btl_est 3) 4))
(:= pulseState 1))
(when (and (== pulseState 1) (> Timer.micros (* minrtt 2)))
(:= Rate curr_btl_est)
(:= pulseState 2))`;

/** Listing 4.2: slow start in the algorithm. */
export const listing42 = `
   (def (Report (volatile acked 0) (volatile loss 0)))
   (when true
    (:= Report.acked (+ Report.acked Ack.bytes_acked)))
   (when (> Micros Flow.rtt_sample_us) (report) (reset))`;

/** §4.4.4: slow start by rate. */
export const rateSlowStart = `
(when (> Timer.Micros Flow.rtt_sample_us)
(:= Rate (* Rate 2))
(:= Timer.Micros 0))`;

/** Listing 4.3: slow start in the datapath. */
export const listing43 = `
    (def (volatile Report.loss 0))
    (when true (:= Cwnd (+ Cwnd Ack.bytes_acked)))
   (when (> Ack.lost_pkts_sample 0) (report))`;
