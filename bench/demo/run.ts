// Chooses where the story can be told, has it told, and prints it.
import { requirePrivilege } from '../../lab/tools.ts';
import { reenterUnprivileged } from '../../lab/user-namespace.ts';
import { labStory } from './lab-story.ts';
import { renderTold } from './render.ts';
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

/** Throws 'no-privilege' where there is no place for it. */
function chooseStory(): Story {
  requirePrivilege();
  return labStory;
}
