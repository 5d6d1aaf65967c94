// Loaded in front of a program (node --import): ends it with SIGKILL in front of its DIE_AT_STEP-th operation on shared
// memory that another process may see. Between two of these nothing changes for anybody else.
const step = Number(process.env.DIE_AT_STEP);
let steps = 0;
for (const name of process.env.DIE_BEFORE.split(',')) {
  const original = Atomics[name];
  Atomics[name] = (...args) => {
    if (steps++ === step) process.kill(process.pid, 'SIGKILL');
    return original(...args);
  };
}
