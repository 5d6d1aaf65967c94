// Figures 19 and 20 of ZooRoute: connections through stateful middleboxes, and what rerouting costs.
import { drawn, inGroups } from '../curves.ts';
import type { PaperSection } from '../paper.ts';

export const MIDDLEBOX: PaperSection = {
  figures: 'Figure 19',
  title: 'Stateful middleboxes',
  bench: 'middlebox',
  about:
    'Pages of a web server behind three stateful balancers of one address, while the client’s hypervisor gives the packets of ' +
    'every flow another source port after each third.',
  paperFound:
    'without sensing who is behind a port about 25 % of the rounds fail even after 10 attempts; with it all succeed at once.',
  differs: [
    'The balancers are Linux’s connection tracking and address translation instead of LVS; they reset connections that they do ' +
      'not know.',
    'Sensing is that of `selvage reroute`; the changes are made before its table, so that one can be had every three packets.',
  ],
  bounds: [
    {
      ratio: 'firstAttemptWithSensing',
      what: 'share of rounds that succeed at once, with sensing',
      paper: '1',
      atLeast: 1,
    },
    { ratio: 'firstAttemptWithout', what: 'the same without', paper: '–' },
  ],
  charts: (bench) => [
    {
      name: 'attempts',
      chart: {
        title: 'Rounds that had succeeded after so many attempts',
        xLabel: 'attempts',
        yLabel: '% of the rounds',
        series: drawn(bench, 'attempts'),
      },
    },
  ],
};

export const OVERHEAD: PaperSection = {
  figures: 'Figure 20',
  title: 'What rerouting costs',
  bench: 'reroute-overhead',
  about:
    'Bulk transfers and Redis over the kernel’s VXLAN with `selvage reroute` on both hosts, and without.',
  paperFound:
    'on servers 2 to 3 % of the processor, 3 % of the memory and less than 0.085 % of the bandwidth.',
  differs: [
    'Two hosts with one peer each: a cloud’s hosts have thousands, which probes are counted for in a simulation.',
    'The paper’s servers forward in user space; here a program of the kernel looks at each packet.',
  ],
  bounds: [
    { ratio: 'throughput', what: 'throughput with ÷ without, worst case', paper: '–', atLeast: 0.98 },
    {
      ratio: 'throughputWithProcesses',
      what: 'the same, with the processes awake on the shared processors',
      paper: '–',
    },
    {
      ratio: 'cpuPercent',
      what: 'processor time of a host’s process, % of a core',
      paper: '2–3 % of the host',
    },
  ],
  charts: (bench) => {
    const cases = ['iperf3, 1 flow', 'iperf3, 4 flows'];
    const chart = { title: 'Bulk TCP between tenants', xLabel: '', yLabel: 'Gbit/s', groups: cases };
    return [{ name: 'throughput', chart: { ...chart, series: inGroups(bench, 'gbitPerSecond', cases) } }];
  },
};
