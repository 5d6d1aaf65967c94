// Links that come and go without a word: conditions that hold for a while, are healed for a while, and so on until they
// are told to stop.
import type { ConditionChange } from './conditions.ts';
import type { Lab } from './lab.ts';
import { pause } from './process.ts';

export interface FlappingTimes {
  readonly brokenMillis: number;
  readonly healedMillis: number;
}

/** Resolves when the links are broken for the first time; what it gives heals them, and makes it so forever. */
export async function flap(
  lab: Lab,
  links: readonly string[],
  change: ConditionChange,
  { brokenMillis, healedMillis }: FlappingTimes,
): Promise<() => Promise<void>> {
  const healed = Object.fromEntries(Object.keys(change).map((aspect) => [aspect, undefined]));
  const set = async (wanted: ConditionChange) => {
    for (const link of links) await lab.setLink(link, wanted);
  };
  let isOver = false;
  let wake = () => {};
  const rest = (millis: number) =>
    Promise.race([pause(millis), new Promise<void>((resolve) => (wake = resolve))]);
  await set(change);
  const flapping = (async () => {
    while (!isOver) {
      await rest(brokenMillis);
      await set(healed);
      if (isOver) return;
      await rest(healedMillis);
      if (!isOver) await set(change);
    }
  })();
  // Whoever stops it is told.
  flapping.catch(() => {});
  return async () => {
    isOver = true;
    wake();
    await flapping;
    await set(healed);
  };
}
