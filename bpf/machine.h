// Runs a program, once for every acknowledgement or timeout (CCP §4.5.2): the same registers, instructions and numbers as
// src/congestion/interpreter/machine.ts, in 64-bit integers. A run ends after as many steps as a program can have
// instructions, whatever is in the code, and touches nothing but the registers.

#pragma once
#include "program.h"

/** The 128 registers. Those that no program can name, 27 to 31, hold the head of a report, which lies before its values. */
struct machine {
	u64 signals[SIGNALS];
	u64 cwnd;
	u64 rate;
	u64 timer;
	u64 report_head[FIRST_VALUE - TIMER - 1];
	u64 values[MAX_VALUES];
};
_Static_assert(sizeof(struct machine) == REGISTERS * sizeof(u64), "registers are named by their place");

struct run {
	const struct program *program;
	u64 *registers;
	u32 at;
	u32 is_report;
};

INLINE u64 to_value(u64 number)
{
	return number > MAX_VALUE ? MAX_VALUE : number;
}

INLINE u64 multiply(u64 a, u64 b)
{
	if ((a | b) >> 26 == 0)
		return a * b;
	return a != 0 && b > MAX_VALUE / a ? MAX_VALUE : a * b;
}

INLINE u64 ewma(u64 tenths, u64 old, u64 sample)
{
	u64 kept = tenths < 10 ? tenths : 10;

	if (old == 0)
		return sample;
	return to_value(multiply(kept, old) + multiply(10 - kept, sample)) / 10;
}

struct root {
	u64 rest;
	u64 root;
	u64 bit;
};

/** One binary digit of the root, from the highest. */
static long next_digit(u32 index, struct root *root)
{
	u64 trial = root->root + root->bit;

	root->root >>= 1;
	if (root->rest >= trial) {
		root->rest -= trial;
		root->root += root->bit;
	}
	root->bit >>= 2;
	return 0;
}

APART u64 isqrt(u64 a)
{
	struct root root = { .rest = a, .root = 0, .bit = 1ull << 52 };

	bpf_loop(27, next_digit, &root, 0);
	return root.root;
}

INLINE u64 compute(u32 opcode, u64 a, u64 b)
{
	switch (opcode) {
	case OP_MOVE:
		return a;
	case OP_ADD:
		return to_value(a + b);
	case OP_SUBTRACT:
		return a > b ? a - b : 0;
	case OP_MULTIPLY:
		return multiply(a, b);
	case OP_DIVIDE:
		return b == 0 ? 0 : a / b;
	case OP_MIN:
		return a < b ? a : b;
	case OP_MAX:
		return a > b ? a : b;
	case OP_EQUAL:
		return a == b;
	case OP_NOT_EQUAL:
		return a != b;
	case OP_LESS:
		return a < b;
	case OP_LESS_OR_EQUAL:
		return a <= b;
	case OP_AND:
		return a != 0 && b != 0;
	case OP_OR:
		return (a | b) != 0;
	default:
		return isqrt(a);
	}
}

/** One instruction; 1 when the run is over. Masks stand where only the verifier does not know that they change nothing. */
static long step(u32 index, struct run *run)
{
	u32 at = run->at & (MAX_INSTRUCTIONS - 1);
	u32 word = run->program->code[at];
	u32 opcode = word & 255;
	u32 target = (word >> 8) & 255;
	u64 *registers = run->registers;
	u64 a = registers[(word >> 16) & (REGISTERS - 1)];
	u64 b = registers[(word >> 24) & (REGISTERS - 1)];

	run->at = at + 1;
	if (opcode == OP_END || at + 1 == MAX_INSTRUCTIONS)
		return 1;
	if (opcode == OP_REPORT) {
		run->is_report = 1;
		return 0;
	}
	if (opcode == OP_JUMP || (opcode == OP_JUMP_IF_ZERO && a == 0)) {
		run->at = target;
		return target <= at;
	}
	if (opcode >= OP_JUMP_IF_ZERO || !is_writable(target))
		return opcode != OP_JUMP_IF_ZERO;
	target &= REGISTERS - 1;
	if (opcode == OP_SELECT) {
		if (a != 0)
			registers[target] = b;
	} else if (opcode == OP_EWMA) {
		registers[target] = ewma(a, registers[target], b);
	} else {
		registers[target] = compute(opcode, a, b);
	}
	return 0;
}

/** Whether a report is due. The signals are in their registers already, each at most MAX_VALUE. */
INLINE u32 run_machine(struct machine *machine, const struct program *program, s64 now, s64 *timer_zero)
{
	struct run run = { .program = program, .registers = machine->signals, .at = 0, .is_report = 0 };
	s64 since = now - *timer_zero;
	u64 elapsed = since > 0 ? to_value(since) : 0;

	machine->timer = elapsed;
	bpf_loop(MAX_INSTRUCTIONS, step, &run, 0);
	if (machine->timer != elapsed)
		*timer_zero = now - (s64)machine->timer;
	return run.is_report;
}

struct loading {
	struct machine *machine;
	const struct program *program;
	u32 first;
};

static long load_value(u32 index, struct loading *loading)
{
	u32 at = loading->first + index;

	if (at >= MAX_VALUES)
		return 1;
	loading->machine->values[at] = at < loading->program->values ? loading->program->initial[at] : 0;
	return 0;
}

/** Gives all variables and constants their initial values; window and rate stay. */
INLINE void load_values(struct machine *machine, const struct program *program)
{
	struct loading loading = { .machine = machine, .program = program, .first = 0 };

	bpf_loop(MAX_VALUES, load_value, &loading, 0);
}

/** After a report volatile variables have their initial values again. */
INLINE void renew_volatiles(struct machine *machine, const struct program *program)
{
	struct loading loading = { .machine = machine, .program = program, .first = program->volatile_first };

	if (program->volatile_end > program->volatile_first)
		bpf_loop(program->volatile_end - program->volatile_first, load_value, &loading, 0);
}
