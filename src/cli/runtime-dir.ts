// Which agent a command asks: that of the machine, or one whose folder is named. `selvage lab exec HOST` names it in the
// environment, so that commands find the agent of the host they are run on.
import { Option } from 'commander';
import { RUNTIME_DIR_VARIABLE } from '../agent/reports/status.ts';

export function runtimeDirOption(): Option {
  return new Option('--runtime-dir <folder>', "the agent's runtimeDir")
    .env(RUNTIME_DIR_VARIABLE)
    .default('/run/selvage');
}
