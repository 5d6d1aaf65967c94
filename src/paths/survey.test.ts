import { describe, expect, test } from 'vitest';
import { ecmp } from './modelled-fabric.testing.ts';
import { RouteSurvey } from './survey.ts';
import { reportOf } from './survey-report.ts';

const SECOND = 1_000_000;
const PORTS = Array.from({ length: 32 }, (_, i) => 10_000 + i);
const SPINES = ['spine0', 'spine1', 'spine2', 'spine3'];
const SPINE_MICROS: Readonly<Record<string, number>> = { spine0: 100, spine1: 200, spine2: 300, spine3: 400 };

type Way = (port: number) => readonly string[];

const fabric: Way = (port) => ['leaf1', SPINES[ecmp(port, 1, 4)]!, 'leaf2'];

/** Runs the survey to its end; a router answers six probes at once and then one a second, as Linux, unless silent. */
function run(way: Way, ports = PORTS, isSilent = (_: string, _port: number) => false) {
  const survey = new RouteSurvey(ports);
  const buckets = new Map<string, { tokens: number; since: number }>();
  let answers: { at: number; candidate: number; ttl: number; router: string }[] = [];
  let now = SECOND;
  let arrived = 0;
  while (!survey.isDone && now < 600 * SECOND) {
    for (const answer of answers.filter(({ at }) => at <= now))
      survey.onAnswer(answer.at, answer, answer.router);
    answers = answers.filter(({ at }) => at > now);
    for (let probe = survey.poll(now); probe !== undefined; probe = survey.poll(now)) {
      const { candidate, ttl } = probe;
      const routers = way(candidate);
      const router = routers[ttl - 1];
      if (router === undefined) arrived++;
      const broken = routers.slice(0, ttl).some((hop) => isSilent(hop, candidate));
      if (router === undefined || broken || !isWilling(buckets, router, now)) continue;
      answers.push({ at: now + (SPINE_MICROS[routers[1]!] ?? 50), candidate, ttl, router });
    }
    const next = Math.min(survey.nextTimeout(now), ...answers.map(({ at }) => at));
    now = Math.max(next, now + 1);
  }
  expect(survey.isDone).toBe(true);
  return { survey, seconds: now / SECOND, arrived };
}

function isWilling(
  buckets: Map<string, { tokens: number; since: number }>,
  router: string,
  now: number,
): boolean {
  const bucket = buckets.get(router) ?? { tokens: 6, since: now };
  buckets.set(router, bucket);
  bucket.tokens = Math.min(6, bucket.tokens + (now - bucket.since) / SECOND);
  bucket.since = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens--;
  return true;
}

describe('a survey', () => {
  test('finds the route of every port, and how long each takes', () => {
    const { survey, seconds } = run(fabric);
    for (const port of PORTS) expect(survey.hops.get(port)).toEqual(fabric(port));
    const { routes, hashesOnPort, shared, worst } = reportOf(survey, []);
    expect(hashesOnPort).toBe('yes');
    expect(routes).toHaveLength(4);
    for (const route of routes) {
      expect(route.sourcePorts).toEqual(PORTS.filter((port) => fabric(port)[1] === route.routers[1]));
      expect(route.rttMicros).toBe(SPINE_MICROS[route.routers[1]!]);
      expect(route.isSilent).toBe(false);
    }
    expect(routes.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
    expect(shared).toEqual(['leaf1', 'leaf2']);
    expect(worst).toEqual({ router: routes[0]!.routers[1], share: routes[0]!.share, routesLeft: 3 });
    expect(seconds).toBeLessThan(40);
  });

  test('follows a port that is alone on its way to the end of it', () => {
    const way: Way = (port) => ['leaf1', port === PORTS[5] ? 'spine1' : 'spine0', 'leaf2', 'border'];
    const { routes, shared } = reportOf(run(way).survey, []);
    expect(routes.map(({ routers }) => routers)).toEqual([way(PORTS[0]!), way(PORTS[5]!)]);
    expect(shared).toEqual(['leaf1', 'leaf2', 'border']);
  });

  test('tells more than eight routes apart', () => {
    const { survey } = run((port) => ['leaf1', `spine${port % 16}`, 'leaf2']);
    expect(reportOf(survey, []).routes).toHaveLength(16);
  });

  test('sees a route that is silent, though the first port takes it', () => {
    const broken = fabric(PORTS[0]!)[1]!;
    const { survey } = run(fabric, PORTS, (hop) => hop === broken);
    const { routes, hashesOnPort, worst } = reportOf(survey, []);
    expect(hashesOnPort).toBe('yes');
    expect(routes.filter(({ isSilent }) => isSilent).map(({ sourcePorts }) => sourcePorts)).toEqual([
      PORTS.filter((port) => fabric(port)[1] === broken),
    ]);
    expect(worst?.routesLeft).toBe(2);
  });

  test('takes a way for the same when only an answer got lost on its way back', () => {
    const isLost = (hop: string, port: number) => hop === 'leaf2' && port % 3 === 0;
    const { routes, shared } = reportOf(run(fabric, PORTS, isLost).survey, []);
    expect(routes).toHaveLength(4);
    expect(routes.every(({ isSilent }) => !isSilent)).toBe(true);
    expect(shared).toEqual(['leaf1', 'leaf2']);
  });

  test('says that nothing is known where no router answers', () => {
    const { survey } = run(fabric, PORTS, () => true);
    expect(reportOf(survey, [])).toMatchObject({ hashesOnPort: 'unclear', shared: [] });
  });

  test('of a pair behind one router says that there is nothing to choose', () => {
    const { survey } = run(() => ['leaf1']);
    expect(reportOf(survey, [['leaf1', 'spine1', 'leaf2']])).toMatchObject({
      hashesOnPort: 'one way',
      shared: ['leaf1'],
    });
  });

  test('knows a fabric that chooses by addresses only, when a neighbour of the peer takes another way', () => {
    const { survey } = run(() => ['leaf1', 'spine2', 'leaf2']);
    expect(reportOf(survey, [['leaf1', 'spine2', 'leaf2']]).hashesOnPort).toBe('one way');
    // Another rack's way says nothing of this one's.
    expect(reportOf(survey, [['leaf1', 'spine3', 'leaf3']]).hashesOnPort).toBe('one way');
    expect(reportOf(survey, [['leaf1', 'spine3', 'leaf2']])).toMatchObject({
      hashesOnPort: 'no',
      elsewhere: 'spine3',
    });
  });
});
