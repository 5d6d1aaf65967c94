// What a survey says of the ways to a peer: how many there are, whether the outer source port chooses among them, and what
// is hit when one router fails. Pure data for people and programs.

import { groupByRoute, type Hops, UNKNOWN_HOP } from './hops.ts';
import { lastKnown, type RouteSurvey } from './survey.ts';

export interface SurveyedRoute {
  /** The routers passed, the nearest first; an empty name is one that does not say who it is. */
  readonly routers: readonly string[];
  readonly sourcePorts: readonly number[];
  /** Of the source ports that were tried. */
  readonly share: number;
  /** To the last router that answers, and back. */
  readonly rttMicros?: number | undefined;
  /** No router answers where others do on other routes: it is silent there, or broken. */
  readonly isSilent: boolean;
}

/** `unclear`: no router answers. `one way`: either there is no other, or the port is not looked at. */
export type PortHashing = 'yes' | 'no' | 'one way' | 'unclear';

export interface SurveyReport {
  /** Those with the most ports first. */
  readonly routes: readonly SurveyedRoute[];
  readonly hashesOnPort: PortHashing;
  /** Routers that every route passes. */
  readonly shared: readonly string[];
  /** The router whose failure hits the most, of those that others can stand in for. */
  readonly worst?:
    | { readonly router: string; readonly share: number; readonly routesLeft: number }
    | undefined;
  /** The router of another way that was seen although all ports take one. */
  readonly elsewhere?: string | undefined;
}

/** `neighbours`: routers on the ways to other peers, one way each. */
export function reportOf(survey: RouteSurvey, neighbours: readonly (readonly string[])[]): SurveyReport {
  const routes = routesOf(survey);
  const known = routes.filter(({ routers }) => lastKnown(routers) > 0);
  if (known.length === 0) return { routes, hashesOnPort: 'unclear', shared: [] };
  const whole = known.filter(({ isSilent }) => !isSilent);
  const [first, ...others] = whole.length > 0 ? whole : known;
  const shared = first!.routers.filter(
    (router) => router !== UNKNOWN_HOP && others.every(({ routers }) => routers.includes(router)),
  );
  if (routes.length > 1) return { routes, hashesOnPort: 'yes', shared, worst: worstOf(routes, shared) };
  const elsewhere = otherWay(routes[0]!.routers, neighbours);
  return { routes, hashesOnPort: elsewhere === undefined ? 'one way' : 'no', shared, elsewhere };
}

function routesOf(survey: RouteSurvey): SurveyedRoute[] {
  const { hops } = survey;
  const heard = heardFrom(hops);
  return merged(hops)
    .map(({ way, sourcePorts }) => {
      const routers = way.slice(0, lastKnown(way));
      const rttMicros = survey.rtt(sourcePorts, routers.length);
      const isSilent = way.some((hop, i) => hop === UNKNOWN_HOP && heard.has(i));
      const share = sourcePorts.length / hops.size;
      return { routers, sourcePorts, share, ...(rttMicros !== undefined && { rttMicros }), isSilent };
    })
    .sort((a, b) => b.sourcePorts.length - a.sourcePorts.length);
}

/**
 * Routes and their ports. An answer may also get lost on its way back, so a way that differs from one other, and from no
 * second, only by such gaps is the same.
 */
function merged(hops: Hops): { readonly way: readonly string[]; readonly sourcePorts: number[] }[] {
  const groups = groupByRoute(hops).map((sourcePorts) => ({ way: hops.get(sourcePorts[0]!)!, sourcePorts }));
  const gaps = (way: readonly string[]) => way.filter((hop) => hop === UNKNOWN_HOP).length;
  const routes: typeof groups = [];
  for (const group of groups.sort((a, b) => gaps(a.way) - gaps(b.way))) {
    const fitting = routes.filter(({ way }) =>
      group.way.every((hop, i) => hop === UNKNOWN_HOP || hop === way[i]),
    );
    if (fitting.length === 1) fitting[0]!.sourcePorts.push(...group.sourcePorts);
    else routes.push(group);
  }
  for (const { sourcePorts } of routes) sourcePorts.sort((a, b) => a - b);
  return routes;
}

/** Distances at which a router answered at all. */
function heardFrom(hops: Hops): ReadonlySet<number> {
  const heard = new Set<number>();
  for (const way of hops.values()) {
    for (const [i, hop] of way.entries()) if (hop !== UNKNOWN_HOP) heard.add(i);
  }
  return heard;
}

function worstOf(routes: readonly SurveyedRoute[], shared: readonly string[]): SurveyReport['worst'] {
  const routers = new Set(routes.flatMap((route) => route.routers));
  let worst: SurveyReport['worst'];
  for (const router of routers) {
    if (router === UNKNOWN_HOP || shared.includes(router)) continue;
    const hit = routes.filter((route) => route.routers.includes(router));
    const share = hit.reduce((sum, route) => sum + route.share, 0);
    const routesLeft = routes.filter((route) => !hit.includes(route) && !route.isSilent).length;
    if (worst === undefined || share > worst.share) worst = { router, share, routesLeft };
  }
  return worst;
}

/**
 * A router that a neighbour's way passes where ours passes another, though both come from the same router before and meet
 * the same one behind: then there are two ways between those, and only addresses choose.
 */
function otherWay(way: readonly string[], neighbours: readonly (readonly string[])[]): string | undefined {
  for (const other of neighbours) {
    if (other.length !== way.length || other.at(-1) !== way.at(-1)) continue;
    const apart = other.find((hop, i) => hop !== UNKNOWN_HOP && way[i] !== UNKNOWN_HOP && hop !== way[i]);
    if (apart !== undefined) return apart;
  }
  return undefined;
}
