// Which connections, paths and queues are asked for: GET /flows?vni=77&to=02:00:00:00:77:03, GET /paths?to=10.0.2.1. Filters
// are read before anything is asked of the data thread.

import { SelvageError } from '../../base/errors.ts';
import { CONNECTION_STATE_NAMES } from '../../transport/connections.ts';
import {
  formatHostAddress,
  formatIpv6,
  formatMac,
  parseIpv4,
  parseIpv6,
  parseMac,
} from '../../wire/address.ts';
import type { Account } from './decision-report.ts';
import type { FlowReport } from './flow-report.ts';
import { flowStatusOf, type PathFacts, pathStatusOf } from './flow-status.ts';
import { LIKE_CID, LIKE_VNI, parseCid, parseVni } from './identifiers.ts';
import type { ThreadPathReport } from './path-report.ts';
import type { QueueReport } from './queue-report.ts';
import { queuesStatusOf, type ThreadQueues } from './queue-status.ts';
import type { FlowStatus, PathStatus, QueuesStatus } from './status.ts';
import { type WhyStatus, whyStatusOf } from './why-status.ts';

type Test<T> = (report: T) => boolean;
/** From a filter's value to the test it means; undefined when it means nothing. */
type Reader<T> = (text: string) => Test<T> | undefined;

interface Filter<T> {
  readonly read: Reader<T>;
  /** What it should have been. */
  readonly like: string;
}

const flowFilters: Readonly<Record<string, Filter<FlowReport>>> = {
  cid: {
    like: LIKE_CID,
    read: (text) => equal(parseCid(text), ({ cid }) => cid),
  },
  vni: {
    like: LIKE_VNI,
    read: (text) => equal(parseVni(text), ({ vni }) => vni),
  },
  from: {
    like: 'the MAC address of an interface of this host, like 02:00:00:00:77:01',
    read: (text) => equal(macOf(text), ({ localMac }) => formatMac(localMac)),
  },
  to: {
    like: 'the MAC address of a remote interface or the address of a peer, like 02:00:00:00:77:03 or 10.0.2.1',
    read: (text) =>
      equal(macOf(text), ({ remoteMac }) => formatMac(remoteMac)) ??
      equal(vtepOf(text), ({ vtep }) => formatHostAddress(vtep)),
  },
  state: {
    like: `one of ${CONNECTION_STATE_NAMES.join(', ')}`,
    read: (text) => {
      const wanted = (CONNECTION_STATE_NAMES as readonly string[]).indexOf(text);
      return wanted < 0 ? undefined : ({ state }) => state === wanted;
    },
  },
};

const pathFilters: Readonly<Record<string, Filter<ThreadPathReport>>> = {
  to: {
    like: 'the address of a peer, like 10.0.2.1',
    read: (text) => equal(vtepOf(text), ({ vtep }) => formatHostAddress(vtep)),
  },
};

const queueFilters: Readonly<Record<string, Filter<QueueReport>>> = {
  vni: {
    like: LIKE_VNI,
    read: (text) => equal(parseVni(text), ({ vni }) => vni),
  },
  vnic: {
    like: 'the MAC address of an interface of this host, like 02:00:00:00:77:01',
    read: (text) => equal(macOf(text), ({ localMac }) => formatMac(localMac)),
  },
  direction: {
    like: 'out or in',
    read: (text) => {
      if (text !== 'out' && text !== 'in') return undefined;
      return ({ isOut }) => isOut === (text === 'out');
    },
  },
};

/** The connections that pass all filters. Rejects with 'bad-input' for one that is not known or understood. */
export async function filteredFlows(
  query: URLSearchParams,
  ask: (cid: number | undefined) => Promise<readonly FlowReport[]>,
): Promise<readonly FlowStatus[]> {
  const tests = testsOf(query, flowFilters);
  const cid = query.get('cid');
  // Whoever watches one connection does not have thousands told.
  const flows = await ask(cid === null ? undefined : parseCid(cid));
  return flows.filter((flow) => tests.every((test) => test(flow))).map(flowStatusOf);
}

/** The paths that pass all filters. */
export async function filteredPaths(
  query: URLSearchParams,
  ask: () => Promise<readonly ThreadPathReport[]>,
  facts: PathFacts,
): Promise<readonly PathStatus[]> {
  const tests = testsOf(query, pathFilters);
  const paths = await ask();
  return paths.filter((path) => tests.every((test) => test(path))).map((path) => pathStatusOf(path, facts));
}

/** What waits, and of the queues those that pass all filters. */
export async function filteredQueues(
  query: URLSearchParams,
  ask: () => Promise<readonly ThreadQueues[]>,
): Promise<QueuesStatus> {
  const tests = testsOf(query, queueFilters);
  return queuesStatusOf(await ask(), (queue) => tests.every((test) => test(queue)));
}

/** What was decided about paths, to one peer or to all. */
export async function filteredWhy(
  query: URLSearchParams,
  ask: () => Promise<readonly Account[]>,
  sourcePorts: number,
): Promise<WhyStatus> {
  testsOf(query, pathFilters);
  const to = query.get('to');
  return whyStatusOf(await ask(), sourcePorts, to === null ? undefined : vtepOf(to));
}

function testsOf<T>(query: URLSearchParams, filters: Readonly<Record<string, Filter<T>>>): Test<T>[] {
  return [...query].map(([name, text]) => {
    const filter = Object.hasOwn(filters, name) ? filters[name] : undefined;
    if (filter === undefined) {
      const hint = `There are: ${Object.keys(filters).join(', ')}.`;
      throw new SelvageError('bad-input', `There is no filter ${name}.`, { hint });
    }
    const test = filter.read(text);
    if (test !== undefined) return test;
    throw new SelvageError('bad-input', `${name}: "${text}" is not understood.`, {
      hint: `It must be ${filter.like}.`,
    });
  });
}

function equal<T, V>(wanted: V | undefined, of: (report: T) => V): Test<T> | undefined {
  return wanted === undefined ? undefined : (report) => of(report) === wanted;
}

function macOf(text: string): string | undefined {
  const mac = parseMac(text);
  return mac === undefined ? undefined : formatMac(mac);
}

function vtepOf(text: string): string | undefined {
  if (parseIpv4(text) !== undefined) return text;
  const ipv6 = parseIpv6(text);
  return ipv6 === undefined ? undefined : formatIpv6(ipv6);
}
