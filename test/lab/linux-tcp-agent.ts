// A process that steers the connections under a name with Reno, until it is killed. Says what it sees, line by line.

import { reno } from '../../src/congestion/algorithms/reno.ts';
import { ControlPlane } from '../../src/congestion/control-plane.ts';
import { type LinuxDatapath, openLinuxDatapath } from '../../src/linux-tcp/datapath.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);
let reports = 0;

const plane = new ControlPlane(reno(), {
  command: (flow, command) => datapath.command(flow, command),
  failed: (_, error) => say(`failed ${error.message}`),
});
const datapath: LinuxDatapath = openLinuxDatapath(
  { name: process.argv[2]! },
  {
    open: (flow, nowMicros) => {
      say(`open ${flow.sourcePort} ${flow.destinationPort}`);
      plane.open(flow, nowMicros);
    },
    report: (message) => {
      plane.report(message);
      if (++reports === 20) say('reports');
    },
    close: (flow) => plane.close(flow),
    event: (_flow, _nowMicros, event) =>
      say(event.kind === 'fallback' ? `fallback ${event.detail}` : event.kind),
  },
);
say('ready');
