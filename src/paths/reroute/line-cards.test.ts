// Line cards that fail one after the other, each with half of the ways of one direction or of both. After the first, both ends
// have most flows on the ports that the second takes, those of the answers among them.
import { expect, it } from 'vitest';
import { below, SeededRng } from '../../base/rng.ts';
import { Region, SECOND } from './region.testing.ts';

const FLOWS = 8;
const CARDS = 6;

/** Seconds until both directions of all flows are off each of the cards that fail one after the other. */
function seconds(seed: number, pauseSeconds: number): number[] {
  const dice = new SeededRng(seed * 17);
  const region = new Region(2, { seed });
  const flows = Array.from({ length: FLOWS }, () => 32_768 + below(dice, 28_000));
  const busy = () => {
    for (const port of flows) for (const from of [0, 1]) region.flow(from, 1 - from, port);
  };
  region.pass(8, busy);
  const taken: number[] = [];
  for (let card = 0; card < CARDS; card++) {
    const first = below(dice, 4);
    const second = (first + 1 + below(dice, 3)) % 4;
    const course = below(dice, 4);
    region.loses = ({ spine, from }) =>
      (spine === first || spine === second) && (course >= 2 || from === course);
    const start = region.now;
    const isOff = () => flows.every((port) => region.works(0, 1, port) && region.works(1, 0, port));
    region.passUntil(isOff, 6, busy);
    taken.push((region.now - start) / SECOND);
    region.pass((start + 6 * SECOND - region.now) / SECOND, busy);
    region.loses = () => false;
    region.pass(pauseSeconds, busy);
  }
  return taken;
}

it.each([
  [10, 1],
  [2, 2],
])('flows are off a card that fails %i s after another healed within %i s, both ways', (pause, most) => {
  for (let seed = 1; seed <= 8; seed++) {
    const taken = seconds(seed, pause);
    expect(Math.max(...taken), `seed ${seed}: ${taken.join(', ')}`).toBeLessThan(most);
  }
});
