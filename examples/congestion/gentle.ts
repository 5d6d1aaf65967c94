// An algorithm in twenty lines: `selvage cc run examples/congestion/gentle.ts --vni 77`, then `selvage cc list`. Once a
// round trip it looks at the shortest one: a packet more while that is near the least ever seen, an eighth less when a
// queue stands, and half upon a loss. docs/congestion-plane.md says what else there is.

import { type Algorithm, compile } from 'selvage/congestion';

const program = compile(`
  (def (Report (volatile rtt +infinity) (volatile lost 0)))
  (when true
    (:= Report.rtt (min Report.rtt Flow.fabric_delay_us))
    (:= Report.lost (+ Report.lost Ack.lost_pkts_sample))
    (fallthrough))
  (when (> Timer.Micros Flow.rtt_sample_us) (report) (reset))`);

const gentle: Algorithm = {
  name: 'gentle',
  onCreate(control) {
    const { mssBytes, initialCwndBytes } = control.flow;
    let [Cwnd, least] = [initialCwndBytes, Number.POSITIVE_INFINITY];
    control.install(program, { Cwnd });
    return {
      onReport(report) {
        const rtt = report.field('rtt');
        least = Math.min(least, rtt);
        if (report.field('lost') > 0) Cwnd /= 2;
        else if (rtt > 2 * least + 500) Cwnd -= Cwnd / 8;
        else Cwnd += 4 * mssBytes;
        Cwnd = Math.max(Cwnd, 4 * mssBytes);
        control.update({ Cwnd });
      },
    };
  },
};

export default gentle;
