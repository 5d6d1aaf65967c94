// The stand-in for Redis as a program of its own, run in a tenant's namespace: `stand-in-server PORT`.
import { createStandIn } from './server.ts';

createStandIn().listen(Number(process.argv[2]), '0.0.0.0');
