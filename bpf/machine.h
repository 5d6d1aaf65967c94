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

/**
 * Whether `report` was executed. A step is no function: to return costs as much as two steps where the processor is kept
 * from guessing where to (SRSO, retbleed). Masks stand where only the verifier does not know that they change nothing.
 */
INLINE u32 execute(const struct program *program, u64 *registers)
{
	u32 is_report = 0;
	// It is 0. Of a 0 that the verifier knows it would follow every step by itself.
	u32 at = program->reserved[0];

	while (at < MAX_INSTRUCTIONS - 1 && CAN_GO_ON) {
		u32 word = program->code[at++];
		u32 target = (word >> 8) & 255;
		u64 a = registers[(word >> 16) & (REGISTERS - 1)];
		u64 b = registers[(word >> 24) & (REGISTERS - 1)];
		u64 *place = &registers[target & (REGISTERS - 1)];
		u64 result;

		switch (word & 255) {
		case OP_MOVE:
			result = a;
			break;
		case OP_ADD:
			result = to_value(a + b);
			break;
		case OP_SUBTRACT:
			result = a > b ? a - b : 0;
			break;
		case OP_MULTIPLY:
			result = multiply(a, b);
			break;
		case OP_DIVIDE:
			result = b == 0 ? 0 : a / b;
			break;
		case OP_MIN:
			result = a < b ? a : b;
			break;
		case OP_MAX:
			result = a > b ? a : b;
			break;
		case OP_EQUAL:
			result = a == b;
			break;
		case OP_NOT_EQUAL:
			result = a != b;
			break;
		case OP_LESS:
			result = a < b;
			break;
		case OP_LESS_OR_EQUAL:
			result = a <= b;
			break;
		case OP_AND:
			result = a != 0 && b != 0;
			break;
		case OP_OR:
			result = (a | b) != 0;
			break;
		case OP_SELECT:
			result = a != 0 ? b : *place;
			break;
		case OP_EWMA:
			result = ewma(a, *place, b);
			break;
		case OP_ISQRT:
			result = isqrt(a);
			break;
		case OP_JUMP_IF_ZERO:
			if (a != 0)
				continue;
			// fallthrough
		case OP_JUMP:
			if (target < at)
				return is_report;
			at = target;
			continue;
		case OP_REPORT:
			is_report = 1;
			continue;
		default:
			return is_report;
		}
		if (!is_writable(target))
			break;
		*place = result;
	}
	return is_report;
}

/** Whether a report is due. The signals are in their registers already, each at most MAX_VALUE. */
INLINE u32 run_machine(struct machine *machine, const struct program *program, s64 now, s64 *timer_zero)
{
	s64 since = now - *timer_zero;
	u64 elapsed = since > 0 ? to_value(since) : 0;

	u32 is_report;

	machine->timer = elapsed;
	is_report = execute(program, machine->signals);
	if (machine->timer != elapsed)
		*timer_zero = now - (s64)machine->timer;
	return is_report;
}

struct loading {
	struct machine *machine;
	const struct program *program;
};

static long load_value(u32 at, struct loading *loading)
{
	if (at >= MAX_VALUES)
		return 1;
	loading->machine->values[at] = at < loading->program->values ? loading->program->initial[at] : 0;
	return 0;
}

/** Gives all variables and constants their initial values; window and rate stay. */
INLINE void load_values(struct machine *machine, const struct program *program)
{
	struct loading loading = { .machine = machine, .program = program };

	bpf_loop(MAX_VALUES, load_value, &loading, 0);
}

/** After a report volatile variables have their initial values again. */
INLINE void renew_volatiles(struct machine *machine, const struct program *program)
{
	u32 end = program->volatile_end;

	for (u32 at = program->volatile_first; at < end && at < MAX_VALUES && CAN_GO_ON; at++)
		machine->values[at] = at < program->values ? program->initial[at] : 0;
}
