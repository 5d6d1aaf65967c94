// How long a report takes to have its effect (CCP §4.6.2): the algorithm answers each report with its time, and the
// datapath says at which acknowledgement it first saw the answer. Times are printed, many to a line.
import type { Algorithm } from '../../src/congestion/algorithm.ts';
import { compile } from '../../src/congestion/language/compiler.ts';

const WINDOW_PACKETS = 32;
const TIMES_A_LINE = 100;

const program = compile(`
(def (Report (took 0)) (echo 0) (seen 0))
(when (!= echo seen)
  (:= seen echo)
  (:= Report.took (- Ack.now echo))
  (fallthrough))
(when (> Timer.Micros 2000) (report) (reset))
`);

export default {
  name: 'echo',
  onCreate(control) {
    let times: { toAlgorithm: number; toAction: number }[] = [];
    let before = 0;
    control.install(program, { Cwnd: WINDOW_PACKETS * control.flow.mssBytes, Rate: 0 });
    return {
      onReport(report) {
        const { nowMicros } = report;
        control.update({ echo: nowMicros });
        const [seconds, nanos] = process.hrtime();
        const toAction = report.field('took');
        if (toAction > 0) times.push({ toAlgorithm: before, toAction });
        before = seconds * 1e6 + nanos / 1000 - nowMicros;
        if (times.length < TIMES_A_LINE) return;
        console.log(JSON.stringify(times));
        times = [];
      },
    };
  },
} satisfies Algorithm;
