// A program's bytes, and the check that must come before they are run (docs/congestion-language.md, "Bytes"). What it
// accepts and what it calls a refusal is the same as in src/congestion/interpreter/program.ts.

#pragma once
#include "kernel.h"

enum {
	PROGRAM_MAGIC = 0x31504343,
	MAX_VALUES = 96,
	MAX_INSTRUCTIONS = 256,
	SIGNALS = 24,
	CWND = 24,
	RATE = 25,
	TIMER = 26,
	FIRST_VALUE = 32,
	REGISTERS = FIRST_VALUE + MAX_VALUES,
};

/** In the order of src/congestion/language/signals.ts. */
enum signal {
	BYTES_ACKED,
	PACKETS_ACKED,
	BYTES_MISORDERED,
	PACKETS_MISORDERED,
	ECN_BYTES,
	ECN_PACKETS,
	LOST_PKTS_SAMPLE,
	NOW,
	WAS_TIMEOUT,
	RTT_SAMPLE_US,
	RATE_OUTGOING,
	RATE_INCOMING,
	BYTES_IN_FLIGHT,
	PACKETS_IN_FLIGHT,
	FABRIC_DELAY_US,
	ENDPOINT_DELAY_US,
	HOPS,
	IS_SAMPLE,
};

/** The largest number of the language. */
#define MAX_VALUE ((1ull << 53) - 1)

enum opcode {
	OP_END,
	OP_MOVE,
	OP_ADD,
	OP_SUBTRACT,
	OP_MULTIPLY,
	OP_DIVIDE,
	OP_MIN,
	OP_MAX,
	OP_EQUAL,
	OP_NOT_EQUAL,
	OP_LESS,
	OP_LESS_OR_EQUAL,
	OP_AND,
	OP_OR,
	OP_SELECT,
	OP_EWMA,
	OP_ISQRT,
	OP_JUMP_IF_ZERO,
	OP_JUMP,
	OP_REPORT,
};

struct program {
	u32 magic;
	u16 instructions;
	u8 values;
	u8 reports;
	u8 volatile_first;
	u8 volatile_end;
	u8 reserved[6];
	u64 initial[MAX_VALUES];
	u32 code[MAX_INSTRUCTIONS];
};
_Static_assert(sizeof(struct program) == 1808, "as docs/congestion-language.md has it");

/** In the order of `refusals` in src/linux-tcp/layout.ts. */
enum refusal { ACCEPTED, BAD_MAGIC, BAD_HEADER, BAD_VALUE, BAD_OPCODE, BAD_REGISTER, BAD_JUMP, BAD_ENDING };

struct program_check {
	const struct program *program;
	u32 instructions;
	u32 refusal;
};

INLINE int is_writable(u32 reg)
{
	return (reg >= FIRST_VALUE && reg < REGISTERS) || (reg >= CWND && reg <= TIMER);
}

INLINE int is_readable(u32 reg)
{
	return reg < SIGNALS || is_writable(reg);
}

INLINE enum refusal refusal_of_instruction(u32 word, u32 at, u32 instructions)
{
	u32 opcode = word & 255;
	u32 target = (word >> 8) & 255;

	if (opcode > OP_REPORT)
		return BAD_OPCODE;
	if (!is_readable((word >> 16) & 255) || !is_readable(word >> 24))
		return BAD_REGISTER;
	if (opcode == OP_JUMP || opcode == OP_JUMP_IF_ZERO)
		return target <= at || target >= instructions ? BAD_JUMP : ACCEPTED;
	if (opcode != OP_END && opcode != OP_REPORT && !is_writable(target))
		return BAD_REGISTER;
	return ACCEPTED;
}

static long check_value(u32 at, struct program_check *check)
{
	if (at >= MAX_VALUES)
		return 1;
	if (check->program->initial[at] <= MAX_VALUE)
		return 0;
	check->refusal = BAD_VALUE;
	return 1;
}

static long check_instruction(u32 at, struct program_check *check)
{
	if (at >= MAX_INSTRUCTIONS)
		return 1;
	check->refusal = refusal_of_instruction(check->program->code[at], at, check->instructions);
	return check->refusal != ACCEPTED;
}

/** Whether the program may be run, or what is wrong with it. It must be a copy that nobody else can write. */
APART enum refusal check_program(const struct program *program)
{
	struct program_check check = { .program = program, .instructions = program->instructions };
	u32 reserved = program->reserved[0] | program->reserved[1] | program->reserved[2] |
		       program->reserved[3] | program->reserved[4] | program->reserved[5];

	if (program->magic != PROGRAM_MAGIC)
		return BAD_MAGIC;
	if (check.instructions == 0 || check.instructions > MAX_INSTRUCTIONS || program->values > MAX_VALUES ||
	    program->reports > program->values || program->volatile_first > program->volatile_end ||
	    program->volatile_end > program->values || reserved != 0)
		return BAD_HEADER;
	bpf_loop(program->values, check_value, &check, 0);
	if (check.refusal != ACCEPTED)
		return check.refusal;
	bpf_loop(check.instructions, check_instruction, &check, 0);
	if (check.refusal != ACCEPTED)
		return check.refusal;
	return (program->code[(check.instructions - 1) & 255] & 255) == OP_END ? ACCEPTED : BAD_ENDING;
}
