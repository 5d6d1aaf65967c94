// The fast table of rerouting (ZooRoute §5), and the choice of a packet's port from it: src/paths/reroute/fast-select.ts is
// the definition, src/reroute/layout.ts has the same places. Where a destination's state lies changes seldom and is a hash
// table; the states change often and are a plain array that both map, so that to write one is no system call
// (ZooRoute §5.2: a hash table and registers).

#pragma once
#include "packets.h"

/** As IPv6 has it; IPv4 mapped (RFC 4291 §2.5.5.2). */
struct address {
	u32 word[4];
};

enum form { FORM_BITMAP = 1, FORM_STRIDES = 2, FORM_GROUPS = 3 };

enum { MAX_PORTS = 64, STRIDE_MEMBERS = 8 };

/** `unit`: where its state begins in the array, in units of 4 bytes; its activity is marked under the same number. */
struct entry {
	u32 unit;
	u8 form;
	u8 homes;
	u16 base;
};
_Static_assert(sizeof(struct entry) == 8, "as src/reroute/layout.ts has it");

struct {
	MAP_UINT(type, BPF_MAP_TYPE_HASH);
	MAP_UINT(max_entries, 4096);
	MAP_TYPE(key, struct address);
	MAP_TYPE(value, struct entry);
} reroute_paths SEC(".maps");

struct {
	MAP_UINT(type, BPF_MAP_TYPE_ARRAY);
	MAP_UINT(max_entries, 8192);
	MAP_UINT(map_flags, BPF_F_MMAPABLE);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, u64);
} reroute_states SEC(".maps");

/** The kernel's source port is its hash of the inner flow. The finish of MurmurHash3 spreads it. */
INLINE u32 mix(u32 port)
{
	port ^= port >> 16;
	port *= 0x85ebca6b;
	port ^= port >> 13;
	port *= 0xc2b2ae35;
	return port ^ port >> 16;
}

/**
 * Home if that works, else the first that does from a place of the hash on, circularly: what a table of priority masks
 * selects, without the table (ZooRoute §5.1). MAX_PORTS when there is none.
 */
INLINE u32 match_bitmap(u64 bitmap, u32 home, u32 hash)
{
	if (bitmap >> home & 1)
		return home;
	u32 start = hash >> 8 & (bitmap >> 32 ? 63 : 31);
	u64 from_start = bitmap & ~0ull << start;
	return lowest_bit(from_start ? from_start : bitmap);
}

/** The outer source port for a packet to which the kernel gave `port`; 0 leaves it. */
INLINE u32 choose_port(const struct entry *entry, u32 port)
{
	u32 hash = mix(port);
	u32 home = hash & (entry->homes - 1) & (MAX_PORTS - 1);
	u32 at = entry->unit * 4;
	u32 offset = MAX_PORTS;

	if (entry->form == FORM_STRIDES)
		at += home & (entry->homes / STRIDE_MEMBERS - 1);
	else if (entry->form == FORM_GROUPS)
		at += home;
	u32 element = at / 8;
	u64 *state = bpf_map_lookup_elem(&reroute_states, &element);
	if (!state)
		return 0;
	u64 word = READ_ONCE(*state);
	if (entry->form == FORM_BITMAP) {
		offset = match_bitmap(word, home, hash);
	} else {
		u32 byte = word >> at % 8 * 8 & 255;
		offset = byte ? byte - 1 : home;
	}
	return offset < MAX_PORTS ? entry->base + offset : 0;
}
