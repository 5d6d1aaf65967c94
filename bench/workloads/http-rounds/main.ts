// Rounds of HTTP as a program of its own, run in a tenant's namespace: `http-rounds HOST PORT ROUNDS ATTEMPTS`. In a round a
// page is asked for on new connections until it comes, or until there were too many attempts. It prints, as JSON, how many
// attempts each round took, 0 where none succeeded.
import { get } from 'node:http';

const TIMEOUT_MILLIS = 250;

const [host, port, rounds, most] = process.argv.slice(2);

function attempt(): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = get({ host, port, agent: false, timeout: TIMEOUT_MILLIS });
    asked.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200 && response.complete));
      response.on('error', () => resolve(false));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.on('close', () => resolve(false));
  });
}

const attempts: number[] = [];
for (let round = 0; round < Number(rounds); round++) {
  let taken = 0;
  for (let number = 1; number <= Number(most) && taken === 0; number++) if (await attempt()) taken = number;
  attempts.push(taken);
}
process.stdout.write(`${JSON.stringify(attempts)}\n`);
