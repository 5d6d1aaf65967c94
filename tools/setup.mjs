// The entry of `npm test`, `npm run demo`, `npm run bench` and `npm run soak` from a fresh clone with nothing else done: checks the
// platform, installs the dependencies and builds dist/ when they are missing or out of date, then runs the verb.
// Plain JavaScript without dependencies, because nothing is installed when it starts.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freshDist, modifiedAt } from './fresh-dist.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oldestNode = [20, 19];

const verbs = {
  install: async () => 0,
  test: (args) => runTests(['--project=unit', '--project=lab', ...args]),
  soak: (args) => runTests(['--project=soak', ...args]),
  demo: (args) => run(process.execPath, ['dist/selvage.js', 'demo', ...args]),
  bench: (args) => run(process.execPath, ['dist/selvage.js', 'bench', ...args]),
};

const [verb = '', ...args] = process.argv.slice(2);
if (!Object.hasOwn(verbs, verb)) {
  fail(`tools/setup.mjs has no verb "${verb}"; there are: ${Object.keys(verbs).join(', ')}.`);
}
checkPlatform();
process.chdir(root);
installDependencies();
await freshDist();
process.exitCode = await verbs[verb](args);

function checkPlatform() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const recent = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  if (!recent)
    fail(`Selvage needs Node ${oldestNode.join('.')} or later; this is Node ${process.versions.node}.`);
  if (process.platform !== 'linux') fail(`Selvage runs on Linux only; this is ${process.platform}.`);
}

/** npm writes node_modules/.package-lock.json last, so its time says whether the installation is complete and current. */
function installDependencies() {
  if (modifiedAt('node_modules/.package-lock.json') >= modifiedAt('package-lock.json')) return;
  console.error('installing dependencies (npm ci) …');
  // No dependency needs its install script, and `prepare` is the build that follows anyway.
  const npm = spawnSync('npm', ['ci', '--include=dev', '--ignore-scripts'], { encoding: 'utf8' });
  if (npm.status === 0) return;
  const why = npm.error ? npm.error.message : `${npm.stdout}${npm.stderr}`;
  fail(`${why.trimEnd()}\nThe dependencies could not be installed: \`npm ci\` failed with the output above.`);
}

/** The tests of the projects, or those of files whose path contains one of the arguments; the last line is `N passed, N failed`. */
async function runTests(args) {
  const scratch = mkdtempSync(join(tmpdir(), 'selvage-test-'));
  const outcomeFile = join(scratch, 'outcome.json');
  const reporters = ['--reporter=default', '--reporter=./tools/reporter.ts'];
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...args];
  const code = await run(process.execPath, vitest, { SELVAGE_TEST_OUTCOME: outcomeFile });
  const outcome = existsSync(outcomeFile)
    ? JSON.parse(readFileSync(outcomeFile, 'utf8'))
    : { ok: false, lines: ['The test run broke off before its end.', '0 passed, 1 failed'] };
  rmSync(scratch, { recursive: true });
  console.log(outcome.lines.join('\n'));
  return code === 0 && !outcome.ok ? 1 : code;
}

/** Runs a program to its end on our own terminal and gives its exit code. */
function run(program, args, env = {}) {
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  // A terminal sends Ctrl-C to the whole process group: passing it on would make it two.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !onTerminal) child.kill(signal);
    });
  }
  return new Promise((resolve) => {
    child.on('error', (error) => fail(`${program} could not be started: ${error.message}`));
    child.on('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
