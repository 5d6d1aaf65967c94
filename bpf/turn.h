// Something happened to a flow, an acknowledgement or a timeout, and the signals say what: the program is run, and tells
// if it has to (CCP §4.5.1).

#pragma once
#include "commands.h"

/** No more often than every `report_interval_micros`: what comes in between is added up. */
INLINE void report(const struct moment *moment)
{
	struct flow *flow = moment->flow;
	u64 now = moment->now;
	struct notice *head = (struct notice *)flow->machine.report_head;
	u32 values = flow->program.reports;

	if (now - flow->reported < settings.report_interval_micros)
		return;
	if (values > MAX_VALUES)
		return;
	head->kind = NOTICE_REPORT;
	head->flow = flow->id;
	head->now_micros = now;
	head->detail = flow->generation;
	head->more = flow->serial + 1;
	head->values = values;
	if (!notify(moment->control, head, sizeof(flow->machine.report_head) + values * sizeof(u64)))
		return;
	flow->is_report_due = 0;
	flow->serial++;
	flow->reported = now;
	if (flow->waiting_since == 0)
		flow->waiting_since = now;
	renew_volatiles(&flow->machine, &flow->program);
}

INLINE void turn(const struct moment *moment)
{
	struct flow *flow = moment->flow;

	flow->is_report_due |= run_machine(&flow->machine, &flow->program, moment->now, &flow->timer_zero);
	// The fallback has nothing to say.
	if (flow->is_report_due)
		report(moment);
}
