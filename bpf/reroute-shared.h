// What rerouting shares with its process besides the fast table: settings and heartbeat, who is sent to, and the packets
// that are the process's to answer. src/reroute/layout.ts has the same places.

#pragma once
#include "reroute-table.h"

enum { LAYOUT = 1, MAX_LOCALS = 8, MAX_DEVICES = 8, MAX_PAYLOAD = 256 };
enum { FLAG_LEARNS = 1 };
/** A destination that has no entry is told of once in so long. */
enum { TOLD_NANOS = 1000000000 };

enum bucket { BUCKET_PEERS, BUCKET_STRANGERS, BUCKET_DESTINATIONS, BUCKETS };

enum count {
	COUNT_CAPTURED,
	/** Captured packets that were given up: no room, too many from peers or from strangers, too long. */
	COUNT_NO_ROOM,
	COUNT_TOO_MANY,
	COUNT_TOO_MANY_STRANGERS,
	COUNT_TOO_LONG,
	/** Packets whose port could not be written. */
	COUNT_NOT_WRITTEN,
	COUNT_UPDATES,
	COUNT_BAD_UPDATES,
	COUNTS,
};

/** One page. Written by the process, but for the tick and the counts. What every packet needs comes first, in one line of the cache. */
struct settings {
	/** Of the overlay. */
	u16 port;
	u16 flags;
	/** This host's addresses in the underlay: packets of others that pass through are none of ours. */
	u32 locals;
	/** CLOCK_MONOTONIC when the process was last alive; older than the limit, and nothing is rerouted or captured. */
	s64 heartbeat_nanos;
	s64 limit_nanos;
	/** When that was last looked at, and the process was alive. The programs' own. */
	u64 attended_tick;
	struct address local[MAX_LOCALS];
	u32 layout;
	/** The process's own: which half of the states array it writes, devices whose filter queue it made, its id. */
	u32 half;
	/** What a captured packet costs, and how much may be spent at once; each processor for itself. */
	u64 cost_nanos[BUCKETS];
	u64 burst_nanos;
	u64 counts[COUNTS];
	u32 hooks[MAX_DEVICES];
	u64 owner;
};
_Static_assert(sizeof(struct settings) == 304, "as src/reroute/layout.ts has it");

struct {
	MAP_UINT(type, BPF_MAP_TYPE_ARRAY);
	MAP_UINT(max_entries, 1);
	MAP_UINT(map_flags, BPF_F_MMAPABLE);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, struct settings);
} reroute_settings SEC(".maps");

/**
 * Of the destination whose state begins at this unit. The process takes the bits, so that they say what was used since.
 * Most packets only read it: what several processors write for each packet would be fetched from one to the other each time.
 */
struct activity {
	u64 used_ports;
	u32 last_tick;
	/** That the tick's first packet left by. */
	u32 device;
};

struct {
	MAP_UINT(type, BPF_MAP_TYPE_ARRAY);
	MAP_UINT(max_entries, 16384);
	MAP_UINT(map_flags, BPF_F_MMAPABLE);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, struct activity);
} reroute_activity SEC(".maps");

/**
 * A destination at the front: its entry and its activity in one line of the cache. What the hash table has lies in five, and
 * while tenants' data passes through the caches that costs more than everything else a packet needs. The process writes
 * lines, `entry` last and whole; 0 is none. Destinations that meet in one line have the hash table.
 */
struct front {
	struct entry entry;
	struct address address;
	struct activity activity;
	u64 padding[3];
};
_Static_assert(sizeof(struct front) == 64, "as src/reroute/layout.ts has it");

enum { FRONT_BITS = 8 };

struct {
	MAP_UINT(type, BPF_MAP_TYPE_ARRAY);
	MAP_UINT(max_entries, 1 << FRONT_BITS);
	MAP_UINT(map_flags, BPF_F_MMAPABLE);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, struct front);
} reroute_front SEC(".maps");

/** When the process was last told of a destination that has no entry. */
struct {
	MAP_UINT(type, BPF_MAP_TYPE_LRU_HASH);
	MAP_UINT(max_entries, 1024);
	MAP_TYPE(key, struct address);
	MAP_TYPE(value, s64);
} reroute_newcomers SEC(".maps");

enum heard_kind { HEARD_PACKET, HEARD_DESTINATION };

struct heard {
	u32 kind;
	u32 length;
	s64 nanos;
	struct address source;
	struct address destination;
	u16 source_port;
	u16 destination_port;
	u8 hops;
	u8 padding[3];
};
_Static_assert(sizeof(struct heard) == 56, "as src/reroute/layout.ts has it");

struct heard_packet {
	struct heard heard;
	u8 payload[MAX_PAYLOAD];
};

struct {
	MAP_UINT(type, BPF_MAP_TYPE_RINGBUF);
	MAP_UINT(max_entries, 1 << 19);
} reroute_heard SEC(".maps");

struct {
	MAP_UINT(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	MAP_UINT(max_entries, BUCKETS);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, s64);
} reroute_buckets SEC(".maps");

INLINE struct settings *the_settings(void)
{
	u32 key = 0;

	return bpf_map_lookup_elem(&reroute_settings, &key);
}

INLINE void count(struct settings *settings, enum count which)
{
	__sync_fetch_and_add(&settings->counts[which], 1);
}

/** A look at the clock costs a third of all that a packet needs: one a tick is enough. The tick itself is one load. */
INLINE int is_attended(struct settings *settings, u64 tick)
{
	if (READ_ONCE(settings->attended_tick) == tick)
		return 1;
	s64 now = bpf_ktime_get_ns();
	if (now - READ_ONCE(settings->heartbeat_nanos) >= settings->limit_nanos)
		return 0;
	settings->attended_tick = tick;
	return 1;
}

INLINE int is_same(const struct address *a, const struct address *b)
{
	return a->word[3] == b->word[3] && a->word[0] == b->word[0] && a->word[1] == b->word[1] &&
	       a->word[2] == b->word[2];
}

INLINE int is_local(const struct settings *settings, const struct address *address)
{
	u32 locals = settings->locals;

	for (u32 i = 0; i < MAX_LOCALS; i++) {
		if (i >= locals)
			break;
		if (is_same(&settings->local[i], address))
			return 1;
	}
	return 0;
}

/** FNV-1's prime spreads addresses that differ in their last bits; src/reroute/front-lines.ts does the same. */
INLINE u32 front_line(const struct address *address)
{
	u32 word = address->word[0] ^ address->word[1] ^ address->word[2] ^ address->word[3];

	return BIG32(word) * 0x01000193 >> (32 - FRONT_BITS);
}

/** A token bucket, kept as the time when it will be full again. A bucket without a cost is closed. */
INLINE int may_spend(const struct settings *settings, u32 bucket, s64 now)
{
	s64 *full = bpf_map_lookup_elem(&reroute_buckets, &bucket);

	if (!full || bucket >= BUCKETS)
		return 0;
	u64 cost = settings->cost_nanos[bucket];
	if (cost == 0 || *full - now > (s64)settings->burst_nanos)
		return 0;
	*full = (*full > now ? *full : now) + cost;
	return 1;
}
