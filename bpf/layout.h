// What the kernel's half and the process that steers it have in common; src/linux-tcp/layout.ts has the same places.
// The control page and the flows' slots are memory that both map; notices come through a ring buffer.

#pragma once
#include "machine.h"

/** One for all flows. */
struct control {
	u32 layout;
	/** Whether a process steers the flows, and a number that it changes all the time while it lives. */
	u32 is_attended;
	u32 beat;
	/** Numbers of flows and of installed programs, never given twice while these maps exist. */
	u32 next_flow;
	u32 next_generation;
	/** Notices for which there was no room, and flows for which there was no slot. */
	u32 missed;
	u32 unserved;
	u32 slots_map;
	u32 notices_map;
	u32 entries;
	char name[16];
	u64 padding;
};
_Static_assert(sizeof(struct control) == 64, "as src/linux-tcp/layout.ts has it");

enum { MAILBOX_EMPTY, MAILBOX_FULL, MAILBOX_TAKEN };
enum {
	COMMAND_RENEW = 1,
	COMMAND_INSTALL = 2,
	/** The algorithm failed; its program was refused already; a value it wanted set was. */
	COMMAND_FAILED = 4,
	COMMAND_REFUSED = 8,
	COMMAND_ABSURD = 16,
};
enum { MAX_SET_VALUES = MAX_VALUES + 2 };

/**
 * What a flow is to do at its next acknowledgement. It belongs to the process while it is empty, to the kernel from when
 * that makes a full one taken; a full one can be taken back by the process, to add to it.
 */
struct mailbox {
	u32 state;
	u32 flow;
	u32 commands;
	u32 generation;
	u32 padding;
	u32 values;
	/** The latest report that was dealt with; not part of the mail. */
	u32 answered;
	/** So many of the values were to be set before the program was to be installed. */
	u32 kept;
	u64 value[MAX_SET_VALUES];
	u8 registers[MAX_SET_VALUES + 6];
	struct program program;
};

/** `flow` is 0 until the rest is written. */
struct slot {
	u32 owner;
	u32 flow;
	u32 mss_bytes;
	u32 cwnd_bytes;
	u32 source[4];
	u32 destination[4];
	u16 source_port;
	u16 destination_port;
	u32 padding[3];
	struct mailbox mailbox;
};
_Static_assert(sizeof(struct slot) == 2792, "as src/linux-tcp/layout.ts has it");
_Static_assert(__builtin_offsetof(struct slot, mailbox) == 64, "as src/linux-tcp/layout.ts has it");

enum notice_kind { NOTICE_OPEN, NOTICE_CLOSE, NOTICE_REPORT, NOTICE_INSTALLED, NOTICE_FALLBACK };
enum fallback_reason { FALLBACK_SILENT, FALLBACK_ABSURD, FALLBACK_FAILED };

struct notice {
	u32 kind;
	u32 flow;
	u64 now_micros;
	/** Open: the slot. Report, installed: the program's generation. Fallback: the reason. */
	u32 detail;
	/** Report: its number. Fallback, absurd: the command that said so, or which refusal, or 1000 times the register. */
	u32 more;
	u32 values;
	u32 padding;
};
_Static_assert(sizeof(struct notice) == 32, "as src/linux-tcp/layout.ts has it");
