// The entry of `npm test`, `npm run demo`, `npm run bench` and `npm run soak` from a fresh clone with nothing else done:
// checks the platform, installs the dependencies and builds dist/ when they are missing or out of date, then runs the
// verb. Of several at once in one clone, one sets up and the others wait.
// Plain JavaScript without dependencies, because nothing is installed when it starts.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freshDist, modifiedAt } from './fresh-dist.mjs';
import { withLock } from './lock.mjs';
import { makeScratch, removeScratch } from './scratch.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oldestNode = [20, 19];

const verbs = {
  install: async () => 0,
  test: (args) => runTests(['--project=unit', '--project=lab', ...args]),
  soak: (args) => runTests(['--project=soak', ...args]),
  demo: async (args) => (await run(process.execPath, ['dist/selvage.js', 'demo', ...args])).code,
  bench: async (args) => (await run(process.execPath, ['dist/selvage.js', 'bench', ...args])).code,
};

const nothingRun = { ok: false, finished: false, passed: 0, failed: 0 };

const [verb = '', ...args] = process.argv.slice(2);
if (!Object.hasOwn(verbs, verb)) {
  fail(`tools/setup.mjs has no verb "${verb}"; there are: ${Object.keys(verbs).join(', ')}.`);
}
checkPlatform();
process.chdir(root);
const sayWaiting = () => console.error('waiting for another set-up of this clone …');
await withLock(`set-up of ${root}`, sayWaiting, async () => {
  installDependencies();
  await freshDist();
});
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
  const scratch = makeScratch();
  const outcomeFile = join(scratch, 'outcome.json');
  const reporters = ['--reporter=default', '--reporter=./tools/reporter.ts'];
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...args];
  const env = { SELVAGE_TEST_OUTCOME: outcomeFile, TMPDIR: scratch };
  const { code, signal } = await run(process.execPath, vitest, env);
  const outcome = existsSync(outcomeFile) ? JSON.parse(readFileSync(outcomeFile, 'utf8')) : nothingRun;
  removeScratch(scratch);
  console.log(closing(outcome, signal).join('\n'));
  return code === 0 && !outcome.ok ? 1 : code;
}

/** The reporter's lines where the run came to its end; else how far it came. */
function closing({ finished, lines, passed, failed }, signal) {
  if (finished) return lines;
  if (signal === undefined)
    return ['The test run broke off before its end.', `${passed} passed, ${failed + 1} failed`];
  return [
    `Interrupted (${signal}): only tests that had ended are counted.`,
    `${passed} passed, ${failed} failed`,
  ];
}

/** Runs a program to its end on our own terminal: its exit code, and the signal that we passed on to it. */
function run(program, args, env = {}) {
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  let interruptedBy;
  // A terminal sends Ctrl-C to the whole process group: passing it on would make it two.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      interruptedBy = signal;
      if (signal !== 'SIGINT' || !onTerminal) child.kill(signal);
    });
  }
  return new Promise((resolve) => {
    child.on('error', (error) => fail(`${program} could not be started: ${error.message}`));
    child.on('close', (code, signal) =>
      resolve({ code: code ?? 128 + constants.signals[signal], signal: interruptedBy }),
    );
  });
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
