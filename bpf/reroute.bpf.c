// Rerouting of a kernel's VXLAN (ZooRoute §3.2): on its way out, a packet gets the outer source port that the fast table has
// for it; on its way in, what has ZooRoute's magic number in VXLAN's place goes to the process, because the kernel owns
// the port. Everything else is untouched, and so is everything when the process was not heard of for too long.
// src/reroute/fast-maps.ts is the other side.

#include "capture.h"
#include "learned.h"
#include "rewrite.h"
#include "updates.h"

INLINE void mark(struct activity *activity, const struct entry *entry, u32 port, u32 tick, u32 device)
{
	u32 offset = port - entry->base;
	u64 bit = offset < MAX_PORTS ? 1ull << offset : 0;

	if (bit & ~READ_ONCE(activity->used_ports))
		__sync_fetch_and_or(&activity->used_ports, bit);
	if (activity->last_tick != tick) {
		activity->last_tick = tick;
		activity->device = device;
	}
}

/** Where the destination's activity is marked, and its entry; 0 when it has none. */
INLINE struct activity *find_entry(const struct address *destination, struct entry *entry)
{
	u32 line = front_line(destination);
	struct front *front = bpf_map_lookup_elem(&reroute_front, &line);

	if (front && is_same(&front->address, destination)) {
		u64 whole = READ_ONCE(*(u64 *)&front->entry);

		__builtin_memcpy(entry, &whole, sizeof(*entry));
		if (whole)
			return &front->activity;
	}
	struct entry *found = bpf_map_lookup_elem(&reroute_paths, destination);
	if (!found)
		return 0;
	*entry = *found;
	u32 unit = entry->unit;
	return bpf_map_lookup_elem(&reroute_activity, &unit);
}

SEC("tc") int reroute_egress(struct __sk_buff *skb)
{
	struct settings *settings = the_settings();
	struct outer outer;
	struct entry entry;

	if (!settings)
		return PACKET_NEXT;
	if (!find_outer(skb, settings->port, &outer) || !is_frame(&outer))
		return PACKET_NEXT;
	if (!read_addresses(skb, &outer) || !is_local(settings, &outer.source))
		return PACKET_NEXT;
	u64 tick = bpf_jiffies64();
	if (!is_attended(settings, tick))
		return PACKET_NEXT;
	u32 port = settings->flags & FLAG_LEARNS ? learned_port(skb, &outer) : 0;
	struct activity *activity = find_entry(&outer.destination, &entry);
	if (activity) {
		if (port == 0)
			port = choose_port(&entry, outer.source_port);
		mark(activity, &entry, port ? port : outer.source_port, tick, skb->ifindex);
	} else {
		tell_destination(settings, &outer);
	}
	if (port != 0 && port != outer.source_port && !write_source_port(skb, &outer, port))
		count(settings, COUNT_NOT_WRITTEN);
	return PACKET_NEXT;
}

SEC("tc") int reroute_ingress(struct __sk_buff *skb)
{
	struct settings *settings = the_settings();
	struct outer outer;

	if (!settings)
		return PACKET_NEXT;
	if (!find_outer(skb, settings->port, &outer))
		return PACKET_NEXT;
	int learns = settings->flags & FLAG_LEARNS && is_frame(&outer);
	if (!learns && !is_zooroute(&outer))
		return PACKET_NEXT;
	if (!read_addresses(skb, &outer) || !is_local(settings, &outer.destination))
		return PACKET_NEXT;
	if (!is_attended(settings, bpf_jiffies64()))
		return PACKET_NEXT;
	if (learns) {
		learn_port(skb, &outer);
		return PACKET_NEXT;
	}
	capture(skb, settings, &outer);
	return PACKET_DROP;
}

SEC("xdp") int reroute_updates(struct xdp_md *packet)
{
	struct settings *settings = the_settings();

	if (settings)
		take_updates(packet, settings);
	return XDP_DROP;
}

char terms[] SEC("license") = "GPL";
