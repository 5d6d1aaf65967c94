// Starts emulator processes: the bundled program in an installed package, the source itself in a checkout.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { SelvageError } from '../../src/base/errors.ts';
import { netnsPath } from '../../src/linux/netns.ts';
import { lastLines } from '../execute.ts';
import type { EmulatorSpec, WrittenParameters } from './spec.ts';

const READY_TIMEOUT_MILLIS = 15_000;

/**
 * Resolves when the TAPs are there. The process lives in the namespace of the first end, so that whoever removes that
 * finds it; it outlives this one unless `spec.endsWithInput`.
 */
export async function startEmulator(spec: EmulatorSpec, logFile: string): Promise<ChildProcess> {
  const log = openSync(logFile, 'a');
  const { netns } = spec.ends[0];
  const command = [process.execPath, ...programArguments(), JSON.stringify(spec)];
  const [program, ...args] =
    netns === undefined ? command : ['nsenter', `--net=${netnsPath(netns)}`, ...command];
  const child = spawn(program!, args, {
    stdio: [spec.endsWithInput ? 'pipe' : 'ignore', 'pipe', log],
    detached: true,
  });
  closeSync(log);
  try {
    await ready(child, logFile);
  } catch (thrown) {
    child.kill('SIGKILL');
    throw thrown;
  }
  child.stdout!.destroy();
  if (!spec.endsWithInput) child.unref();
  return child;
}

export function writeParameters(file: string, parameters: WrittenParameters): void {
  writeFileSync(`${file}.new`, JSON.stringify(parameters));
  renameSync(`${file}.new`, file);
}

function programArguments(): string[] {
  const here = dirname(fileURLToPath(import.meta.url));
  const bundled = join(here, 'link-emulator.js');
  if (existsSync(bundled)) return [bundled];
  const loader = createRequire(import.meta.url).resolve('tsx');
  return ['--import', pathToFileURL(loader).href, join(here, 'main.ts')];
}

function ready(child: ChildProcess, logFile: string): Promise<void> {
  let resolve = () => {};
  let reject = (_: SelvageError) => {};
  const promise = new Promise<void>((onReady, onFailure) => {
    resolve = onReady;
    reject = onFailure;
  });
  const fail = (why: string) =>
    reject(
      new SelvageError('failed', `The link emulator did not start: ${why}.`, { hint: lastLines(logFile) }),
    );
  const timer = setTimeout(
    () => fail(`not ready after ${READY_TIMEOUT_MILLIS / 1000} s`),
    READY_TIMEOUT_MILLIS,
  );
  const onError = (error: Error) => fail(error.message);
  const onExit = (code: number | null, signal: string | null) => fail(`it ended with ${code ?? signal}`);
  child.stdout!.once('data', resolve);
  child.on('error', onError).on('exit', onExit);
  return promise.finally(() => {
    clearTimeout(timer);
    child.off('error', onError).off('exit', onExit);
  });
}
