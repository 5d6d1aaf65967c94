// The fast table of rerouting (ZooRoute §5): what the kernel's half and the process have in common; src/reroute/layout.ts
// has the same places, and src/paths/reroute the same choice. Where a destination's state lies changes seldom and is a
// hash table; the states change often and are a plain array of 64-bit words that both map, so that writing one is no
// system call (ZooRoute §5.2: the hash table and the registers).

#pragma once
#include "packets.h"

/** As IPv6 has it; IPv4 mapped (RFC 4291 §2.5.5.2). */
struct address {
	u32 word[4];
};

enum form {
	/** Known, and left as it is: its packets are only counted. */
	FORM_PLAIN,
	/** One word: a bit for each port that can be used. */
	FORM_BITMAP,
	/**
	 * One word: a byte for each stride group, of ports / 8 groups: 0 when all eight ports work, else 1 + the offset of
	 * the port to be used; anything else, such as 255, leaves the packet as it is.
	 */
	FORM_HIERARCHY,
	/** ports / 8 words: a byte for each port, 1 + the offset of the port in use for it, or 0 to leave the packet. */
	FORM_GROUPS,
};

enum { MAX_PORTS = 64, STRIDE_PORTS = 8 };

/** Where a destination's state lies: `index` counts words. `ports` is 8, 16, 32 or 64. */
struct destination {
	u32 index;
	u8 form;
	u8 ports;
	u16 base;
};
_Static_assert(sizeof(struct destination) == 8, "as src/reroute/layout.ts has it");

/**
 * The kernel's own source port is its hash of the inner flow (RFC 7348 §5), though one of a range that differs from host
 * to host. This spreads it: the last step of MurmurHash3.
 */
INLINE u32 mix(u32 port)
{
	port ^= port >> 16;
	port *= 0x85ebca6b;
	port ^= port >> 13;
	port *= 0xc2b2ae35;
	port ^= port >> 16;
	return port;
}

/**
 * The first healthy port from `home` on, circularly: what the paper's table of priority masks selects, without the table
 * (ZooRoute §5.1, PBM).
 */
INLINE u32 match_bitmap(u64 bitmap, u32 home)
{
	u64 from_home = bitmap & ~0ull << (home & (MAX_PORTS - 1));

	return lowest_bit(from_home ? from_home : bitmap);
}

INLINE u32 byte_of(u64 word, u32 index)
{
	return word >> (index & 7) * 8 & 255;
}

struct {
	MAP_UINT(type, BPF_MAP_TYPE_HASH);
	MAP_UINT(max_entries, 4096);
	MAP_TYPE(key, struct address);
	MAP_TYPE(value, struct destination);
} reroute_paths SEC(".maps");

struct {
	MAP_UINT(type, BPF_MAP_TYPE_ARRAY);
	MAP_UINT(max_entries, 4096);
	MAP_UINT(map_flags, BPF_F_MMAPABLE);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, u64);
} reroute_states SEC(".maps");

/** The outer source port for a packet that the kernel gave `port`; 0 to leave it. */
INLINE u32 choose_port(const struct destination *destination, u32 port)
{
	u32 ports = destination->ports;

	if (destination->form == FORM_PLAIN || ports < STRIDE_PORTS || ports > MAX_PORTS)
		return 0;
	u32 home = mix(port) % ports;
	u32 element = destination->index;
	if (destination->form == FORM_GROUPS)
		element += home / 8;
	u64 *state = bpf_map_lookup_elem(&reroute_states, &element);
	if (!state)
		return 0;
	u64 word = READ_ONCE(*state);
	u32 offset = MAX_PORTS;
	if (destination->form == FORM_BITMAP) {
		offset = match_bitmap(word, home);
	} else if (destination->form == FORM_HIERARCHY) {
		u32 recorded = byte_of(word, home % (ports / STRIDE_PORTS));
		offset = recorded ? recorded - 1 : home;
	} else if (destination->form == FORM_GROUPS) {
		offset = byte_of(word, home) - 1;
	}
	return offset < ports ? destination->base + offset : 0;
}
