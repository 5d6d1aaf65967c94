// `flow-completion receive PORT`, and `flow-completion send SPEC ADDRESS`, whose report goes to its output.
import { receiveFlows } from './receive.ts';
import { sendFlows } from './send.ts';

const [role, first = '', address = ''] = process.argv.slice(2);
if (role === 'receive') receiveFlows(Number(first), () => process.stdout.write('listening\n'));
else {
  const report = await sendFlows(JSON.parse(first), address);
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
}
