// Chooses where the story can be told, has it told, and prints it.
import { isPrivileged } from '../../lab/tools.ts';
import { reenterUnprivileged } from '../../lab/user-namespace.ts';
import { labStory } from './lab-story.ts';
import { renderTold } from './render.ts';
import { simStory } from './sim-story.ts';
import type { Story } from './story.ts';

export interface DemoOptions {
  readonly quick: boolean;
  readonly json: boolean;
}

/** The exit status. */
export async function runDemo({ quick, json }: DemoOptions): Promise<number> {
  const status = await reenterUnprivileged(['redis-server', 'redis-benchmark']);
  if (status !== undefined) return status;
  const told = await chooseStory()({ quick, progress: (line) => process.stderr.write(`${line}\n`) });
  console.log(json ? JSON.stringify(told, null, 2) : `\n${renderTold(told)}`);
  return 0;
}

/** In the simulator where this user may not make a lab. */
function chooseStory(): Story {
  return isPrivileged() ? labStory : simStory;
}
