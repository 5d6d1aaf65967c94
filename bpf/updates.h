// Packets that update the fast table (ZooRoute §5.2): a batch of records, each an element of the states array and its eight
// bytes. They are taken on a cable of the process's own, never from the underlay.

#pragma once
#include "reroute-shared.h"

enum { TYPE_UPDATE = 0x05, VERSION = 1, MAX_RECORDS = 290 };

/** src/wire/zooroute.ts has the layout. */
struct update {
	u8 magic[3], type, version, mode, ctl, end_flag;
	u16 length, zero;
	u32 sequence;
	u8 source[16], backend[6];
	u16 also_zero;
};
_Static_assert(sizeof(struct update) == 40, "as src/wire/zooroute.ts has it");

struct record {
	u32 element, low, high;
};

struct batch {
	struct xdp_md *packet;
	u32 taken;
};

static long take_record(u32 index, struct batch *batch)
{
	void *data = (void *)(long)batch->packet->data, *end = (void *)(long)batch->packet->data_end;

	if (index >= MAX_RECORDS)
		return 1;
	struct record *record = data + sizeof(struct ethernet) + sizeof(struct update) + index * sizeof(*record);
	if ((void *)(record + 1) > end)
		return 1;
	u32 element = BIG32(record->element);
	u64 *state = bpf_map_lookup_elem(&reroute_states, &element);
	if (!state)
		return 1;
	*(volatile u64 *)state = (u64)record->high << 32 | record->low;
	batch->taken++;
	return 0;
}

INLINE void take_updates(struct xdp_md *packet, struct settings *settings)
{
	void *data = (void *)(long)packet->data, *end = (void *)(long)packet->data_end;
	struct update *update = data + sizeof(struct ethernet);
	struct batch batch = { .packet = packet };

	if ((void *)(update + 1) > end || update->magic[0] != 0xff || update->magic[1] != 0xee ||
	    update->magic[2] != 0xdd || update->type != TYPE_UPDATE || update->version != VERSION)
		return;
	u32 bytes = BIG16(update->length) - sizeof(*update);
	u32 records = bytes / sizeof(struct record);
	if (bytes <= MAX_RECORDS * sizeof(struct record))
		bpf_loop(records, take_record, &batch, 0);
	__sync_fetch_and_add(&settings->counts[COUNT_UPDATES], batch.taken);
	if (batch.taken != records)
		count(settings, COUNT_BAD_UPDATES);
}
