// Who controls a flow: answers and commands from its mailbox, and what becomes of it when they stop or make no sense. The
// same rules as in src/congestion/datapath.ts, which docs/congestion-language.md explains.

#pragma once
#include "flow.h"

/** On with what is in flight, or the initial window, whichever the algorithm's own window did not even reach. */
APART void fall_back(const struct moment *moment, u32 reason, u32 detail)
{
	struct flow *flow = moment->flow;
	struct machine *machine = &flow->machine;
	u64 *registers = machine->signals;
	u64 cwnd = machine->signals[BYTES_IN_FLIGHT];

	flow->waiting_since = 0;
	flow->is_refused = reason != FALLBACK_SILENT;
	if (flow->is_controlled) {
		if (cwnd < flow->initial_cwnd_bytes)
			cwnd = flow->initial_cwnd_bytes;
		if (cwnd > machine->cwnd)
			cwnd = machine->cwnd;
		load_fallback(moment);
		machine->cwnd = cwnd > moment->mss ? cwnd : moment->mss;
		machine->rate = 0;
		registers[settings.ssthresh_register & (REGISTERS - 1)] = cwnd;
		flow->is_controlled = 0;
		flow->is_report_due = 0;
	}
	tell(moment, NOTICE_FALLBACK, reason, detail);
}

struct setting {
	struct flow *flow;
	struct mailbox *mailbox;
	u32 first;
	u32 refused;
};

static long set_value(u32 index, struct setting *setting)
{
	u32 at = setting->first + index;

	if (at >= MAX_SET_VALUES)
		return 1;
	u32 reg = READ_ONCE(setting->mailbox->registers[at]);
	u64 value = READ_ONCE(setting->mailbox->value[at]);
	u64 *registers = setting->flow->machine.signals;
	int is_variable = reg >= FIRST_VALUE && reg < FIRST_VALUE + setting->flow->program.values;

	if (value > MAX_VALUE || (!is_variable && reg != CWND && reg != RATE)) {
		setting->refused = reg + 1;
		return 1;
	}
	registers[reg & (REGISTERS - 1)] = value;
	return 0;
}

/** Whether the flow is still controlled. */
INLINE int set_values(const struct moment *moment, struct mailbox *mailbox, u32 first)
{
	struct setting setting = { .flow = moment->flow, .mailbox = mailbox, .first = first };
	u32 values = READ_ONCE(mailbox->values);

	if (values > MAX_SET_VALUES || first >= values)
		return 1;
	bpf_loop(values - first, set_value, &setting, 0);
	if (setting.refused == 0)
		return 1;
	fall_back(moment, FALLBACK_ABSURD, (setting.refused - 1) * 1000);
	return 0;
}

/** The copy is ours before it is looked at. */
INLINE int install(const struct moment *moment, struct mailbox *mailbox)
{
	struct flow *flow = moment->flow;
	u32 refusal;

	bpf_probe_read_kernel(&flow->program, sizeof(flow->program), &mailbox->program);
	refusal = check_program(&flow->program);
	if (refusal != ACCEPTED) {
		copy_fallback(flow);
		fall_back(moment, FALLBACK_ABSURD, refusal);
		return 0;
	}
	load_values(&flow->machine, &flow->program);
	flow->timer_zero = moment->now;
	flow->generation = READ_ONCE(mailbox->generation);
	flow->is_controlled = 1;
	flow->is_report_due = 0;
	flow->answered = flow->serial;
	flow->waiting_since = 0;
	tell(moment, NOTICE_INSTALLED, flow->generation, 0);
	return 1;
}

INLINE void obey(const struct moment *moment, struct mailbox *mailbox)
{
	struct flow *flow = moment->flow;
	u32 commands = READ_ONCE(mailbox->commands);

	// Meant for the one who had the slot before.
	if (READ_ONCE(mailbox->flow) != flow->id)
		return;
	if (commands & COMMAND_RENEW) {
		flow->is_refused = 0;
		flow->waiting_since = moment->now;
	}
	if (flow->is_refused)
		return;
	// What was to be set before was to be set only if the flow was controlled then.
	u32 first = flow->is_controlled ? 0 : READ_ONCE(mailbox->kept);
	if (commands & COMMAND_INSTALL && !install(moment, mailbox))
		return;
	if (flow->is_controlled && !set_values(moment, mailbox, first))
		return;
	if (commands & COMMAND_FAILED)
		fall_back(moment, FALLBACK_FAILED, 0);
	else if (commands & COMMAND_REFUSED)
		fall_back(moment, FALLBACK_ABSURD, COMMAND_REFUSED);
	else if (commands & COMMAND_ABSURD && flow->is_controlled)
		fall_back(moment, FALLBACK_ABSURD, COMMAND_ABSURD);
}

/** A full mailbox is ours once we have made it taken. */
APART void open_mailbox(const struct moment *moment, struct mailbox *mailbox)
{
	if (__sync_val_compare_and_swap(&mailbox->state, MAILBOX_FULL, MAILBOX_TAKEN) != MAILBOX_FULL)
		return;
	obey(moment, mailbox);
	__sync_lock_test_and_set(&mailbox->state, MAILBOX_EMPTY);
}

/** It counts once, and only to a report that was made: what was reported since is waited for from now on. */
INLINE void take_answer(struct flow *flow, u32 answer, u64 now)
{
	u32 unanswered = flow->serial - flow->answered;

	if (!flow->is_controlled || answer - flow->answered - 1 >= unanswered)
		return;
	flow->answered = answer;
	flow->waiting_since = answer == flow->serial ? 0 : now;
}

/** Answers, commands, and whether there is still somebody who gives them. */
INLINE void heed(const struct moment *moment)
{
	struct flow *flow = moment->flow;
	struct control *control = moment->control;
	u64 now = moment->now;
	struct slot *slot = bpf_map_lookup_elem(&selvage_slots, &flow->slot);
	u32 beat = READ_ONCE(control->beat);

	if (slot) {
		struct mailbox *mailbox = &slot->mailbox;

		// Who gets it next begins with what it has.
		if (!flow->is_controlled)
			slot->cwnd_bytes = flow->machine.cwnd < 1 << 30 ? flow->machine.cwnd : 1 << 30;
		take_answer(flow, READ_ONCE(mailbox->answered), now);
		if (READ_ONCE(mailbox->state) == MAILBOX_FULL)
			open_mailbox(moment, mailbox);
	}
	if (beat != flow->beat) {
		flow->beat = beat;
		flow->beat_seen = now;
	}
	int is_alone = !READ_ONCE(control->is_attended) || now - flow->beat_seen >= settings.answer_timeout_micros;
	int is_late = flow->waiting_since != 0 && now - flow->waiting_since >= settings.answer_timeout_micros;
	if (is_late || (is_alone && flow->is_controlled))
		fall_back(moment, FALLBACK_SILENT, 0);
}
