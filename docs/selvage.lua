-- Wireshark dissector for what Selvage sends on UDP port 4789: BIFROST's three headers (BIFROST, appendix C) with
-- the decisions that src/wire/bifrost-*.ts write down, Backdraft's pause frames (src/wire/overlay-pause.ts), and ZooRoute's
-- packets (src/wire/zooroute.ts). Plain VXLAN on the same port stays with Wireshark's own dissector; the tenant's frame
-- inside of ours goes to its Ethernet dissector.
--
-- On another port, such as flannel's 8472: "Decode As … Selvage".
--
--   wireshark -X lua_script:docs/selvage.lua        tshark -X lua_script:docs/selvage.lua -r capture.pcap
--
-- Display filters: selvage, selvage.type == 2, selvage.psn == 17, selvage.data.ret, selvage.ack.bitmap, selvage.pause.micros > 5000, selvage.zoo.type == 0x7e, …

local selvage = Proto("selvage", "Selvage overlay (BIFROST)")

local VXLAN_PORT = 4789
local VXLAN_HEADER_BYTES = 8
local VXLAN_FLAGS_BIFROST = 0x0c
local NEXT_PROTOCOL_BIFROST = 0xfe
local VERSION = 1

local DATA, ACK, REQUEST, RESPONSE, RESET, CLOSE, PAUSE = 1, 2, 3, 4, 5, 6, 7
local type_names = {
  [DATA] = "data",
  [ACK] = "acknowledgement",
  [REQUEST] = "connection request",
  [RESPONSE] = "connection response",
  [RESET] = "reset",
  [CLOSE] = "close",
  [PAUSE] = "pause",
}
local cc_names = { [0] = "constant window", [1] = "none", [2] = "Swift" }
local reason_names = {
  [1] = "not used for long",
  [2] = "the agent stopped",
  [3] = "no such vNICs",
  [4] = "no version in common",
}
local ack_type_names = { [0] = "cumulative", [1] = "window" }
local KEY_MACS, KEY_IPV4, KEY_IPV6 = 0, 4, 6
local key_type_names = {
  [KEY_MACS] = "MACs and EtherType",
  [KEY_IPV4] = "IPv4",
  [KEY_IPV6] = "IPv6",
}
local key_bytes = { [KEY_MACS] = 16, [KEY_IPV4] = 12, [KEY_IPV6] = 36 }
local NO_LIMIT = 0xffffffff
local gso_names = {
  [0] = "none",
  [1] = "TCPv4",
  [4] = "TCPv6",
  [5] = "UDP",
  [0x81] = "TCPv4 with ECN",
  [0x84] = "TCPv6 with ECN",
}

local ZOO_MAGIC, ZOO_HEADER_BYTES, ZOO_UPDATE = 0xffeedd, 40, 0x05
local zoo_type_names = {
  [ZOO_UPDATE] = "table update",
  [0x11] = "negotiation request",
  [0x18] = "negotiation response",
  [0x7e] = "telemetry request",
  [0x7f] = "telemetry response",
}
local zoo_ctl_names = { [0] = "default", [1] = "RST", [2] = "BP", [4] = "FIN" }
local zoo_role_names = { [1] = "hypervisor", [2] = "middlebox", [3] = "gateway" }

local HEX, DEC = base.HEX, base.DEC
local f = {
  vni = ProtoField.uint24("selvage.vni", "VXLAN network identifier", DEC),
  type = ProtoField.uint8("selvage.type", "Packet type", DEC, type_names),
  version = ProtoField.uint8("selvage.version", "Version", DEC, nil, 0xf0),
  cc_type = ProtoField.uint8("selvage.cc_type", "Congestion control", DEC, cc_names, 0x0f),
  psn = ProtoField.uint32("selvage.psn", "Packet sequence number", DEC),
  cid = ProtoField.uint32("selvage.cid", "Destination CID", HEX),
  path = ProtoField.uint8("selvage.path", "Path ID", DEC),
  timestamp = ProtoField.uint32("selvage.timestamp", "Timestamp value (µs)", DEC),

  se = ProtoField.bool("selvage.data.se", "Probe or keepalive (se)", 16, nil, 0x8000),
  ack = ProtoField.bool("selvage.data.ack", "Acknowledgement required (ack)", 16, nil, 0x4000),
  dir = ProtoField.bool("selvage.data.dir", "Towards the requester (dir)", 16, nil, 0x2000),
  ece = ProtoField.bool("selvage.data.ece", "Takes part in ECN (ece)", 16, nil, 0x1000),
  ret = ProtoField.bool("selvage.data.ret", "Retransmission (ret)", 16, nil, 0x0800),
  first = ProtoField.bool("selvage.data.first", "First packet of a frame", 16, nil, 0x0080),
  last = ProtoField.bool("selvage.data.last", "Last packet of a frame", 16, nil, 0x0040),
  part = ProtoField.bytes("selvage.data.part", "Part of a frame"),

  virtio_flags = ProtoField.uint8("selvage.virtio.flags", "virtio_net_hdr flags", HEX),
  gso_type = ProtoField.uint8("selvage.virtio.gso_type", "Segmentation", DEC, gso_names),
  hdr_len = ProtoField.uint16("selvage.virtio.hdr_len", "Header length", DEC),
  gso_size = ProtoField.uint16("selvage.virtio.gso_size", "Segment size", DEC),
  csum_start = ProtoField.uint16("selvage.virtio.csum_start", "Checksum start", DEC),
  csum_offset = ProtoField.uint16("selvage.virtio.csum_offset", "Checksum offset", DEC),

  ack_se = ProtoField.bool("selvage.ack.se", "Answer to a probe (se)", 16, nil, 0x8000),
  hop_count = ProtoField.uint16("selvage.ack.hop_count", "Hop count", DEC, nil, 0x0f00),
  ack_value = ProtoField.uint16("selvage.ack.value", "Duplicates (ACK value)", DEC, nil, 0x00f8),
  ack_type = ProtoField.uint16("selvage.ack.type", "ACK type", DEC, ack_type_names, 0x0007),
  echo = ProtoField.uint32("selvage.ack.echo", "Timestamp echo (µs)", DEC),
  nic_rx = ProtoField.uint32("selvage.ack.nic_rx", "Timestamp NIC RX (µs)", DEC),
  num_ack = ProtoField.uint32("selvage.ack.num_ack", "Packets received (Num_ACK)", DEC, nil, 0xffe00000),
  num_ece = ProtoField.uint32("selvage.ack.num_ece", "Marked or limited (Num_ECE)", DEC, nil, 0x001ffc00),
  bitmap_len = ProtoField.uint32("selvage.ack.bitmap_len", "Bitmap words", DEC, nil, 0x000003c0),
  psn_base = ProtoField.uint32("selvage.ack.psn_base", "PSN_base", DEC),
  bitmap = ProtoField.uint32("selvage.ack.bitmap", "PSN_bitmap", HEX),

  thread = ProtoField.uint8("selvage.connect.thread", "Thread ID", DEC),
  super_frames = ProtoField.bool("selvage.connect.super_frames", "Takes super-frames", 8, nil, 0x01),
  pauses = ProtoField.bool("selvage.connect.pauses", "Obeys pause frames", 8, nil, 0x02),
  reason = ProtoField.uint8("selvage.close.reason", "Reason", DEC, reason_names),
  refused = ProtoField.bool("selvage.close.refused", "Refuses a request"),
  local_cid = ProtoField.uint32("selvage.connect.local_cid", "Local CID", HEX),
  source_mac = ProtoField.ether("selvage.connect.source_mac", "Source vNIC"),
  destination_mac = ProtoField.ether("selvage.connect.destination_mac", "Destination vNIC"),

  key_type = ProtoField.uint16("selvage.pause.key_type", "Key type", DEC, key_type_names, 0xf000),
  vlan = ProtoField.uint16("selvage.pause.vlan", "VLAN ID", DEC, nil, 0x0fff),
  sequence = ProtoField.uint32("selvage.pause.sequence", "Sequence (µs)", DEC),
  pause = ProtoField.uint16("selvage.pause.micros", "Pause (µs)", DEC),
  protocol = ProtoField.uint8("selvage.pause.protocol", "Protocol", DEC),
  rate = ProtoField.uint32("selvage.pause.rate", "Rate (kbit/s)", DEC),
  no_limit = ProtoField.bool("selvage.pause.no_limit", "As fast as one likes"),
  release = ProtoField.bool("selvage.pause.release", "Release"),
  native_flow = ProtoField.uint32("selvage.pause.native_flow", "Native flow ID", HEX),
  source_ip = ProtoField.ipv4("selvage.pause.source_ip", "Source"),
  destination_ip = ProtoField.ipv4("selvage.pause.destination_ip", "Destination"),
  source_ipv6 = ProtoField.ipv6("selvage.pause.source_ipv6", "Source"),
  destination_ipv6 = ProtoField.ipv6("selvage.pause.destination_ipv6", "Destination"),
  source_port = ProtoField.uint16("selvage.pause.source_port", "Source port", DEC),
  destination_port = ProtoField.uint16("selvage.pause.destination_port", "Destination port", DEC),
  flow_source_mac = ProtoField.ether("selvage.pause.source_mac", "Source MAC"),
  flow_destination_mac = ProtoField.ether("selvage.pause.destination_mac", "Destination MAC"),
  ether_type = ProtoField.uint16("selvage.pause.ether_type", "EtherType", HEX),

  zoo_type = ProtoField.uint8("selvage.zoo.type", "Packet type", HEX, zoo_type_names),
  zoo_version = ProtoField.uint8("selvage.zoo.version", "Version", DEC),
  zoo_role = ProtoField.uint8("selvage.zoo.role", "Role", DEC, zoo_role_names, 0xf0),
  zoo_full = ProtoField.bool("selvage.zoo.full", "Full mode", 8, nil, 0x01),
  zoo_partial = ProtoField.bool("selvage.zoo.partial", "Partial mode", 8, nil, 0x02),
  zoo_backends = ProtoField.bool("selvage.zoo.backends", "Says its backend", 8, nil, 0x04),
  zoo_ctl = ProtoField.uint8("selvage.zoo.ctl", "CTL", DEC, zoo_ctl_names),
  zoo_last = ProtoField.bool("selvage.zoo.last", "EndFlag"),
  zoo_length = ProtoField.uint16("selvage.zoo.length", "Data length", DEC),
  zoo_sequence = ProtoField.uint32("selvage.zoo.sequence", "Sequence ID", DEC),
  zoo_source = ProtoField.ipv6("selvage.zoo.source", "Source VTEP"),
  zoo_backend = ProtoField.ether("selvage.zoo.backend", "Backend ID"),
  zoo_port = ProtoField.uint16("selvage.zoo.port", "Reflected source port", DEC),
  zoo_process = ProtoField.uint32("selvage.zoo.process", "Reflected process ID", HEX),
  zoo_tag = ProtoField.bytes("selvage.zoo.tag", "Reflected tag"),
  zoo_record = ProtoField.uint32("selvage.zoo.record", "Reflected record", DEC),
  zoo_newest = ProtoField.uint32("selvage.zoo.newest", "Newest sequence received", DEC),
  zoo_before = ProtoField.bytes("selvage.zoo.before", "Received before"),
  zoo_element = ProtoField.uint32("selvage.zoo.element", "Element", DEC),
  zoo_state = ProtoField.bytes("selvage.zoo.state", "State"),
}
selvage.fields = f

local malformed = ProtoExpert.new(
  "selvage.malformed", "Malformed Selvage packet", expert.group.MALFORMED, expert.severity.ERROR
)
selvage.experts = { malformed }

local udp_ports = DissectorTable.get("udp.port")
-- Whoever has the port before us: Wireshark's VXLAN dissector, which is not registered by name.
local vxlan = udp_ports:get_dissector(VXLAN_PORT)
local ethernet = Dissector.get("eth_withoutfcs")

local function dissect_virtio_header(range, tree)
  local sub = tree:add(range, "virtio_net_hdr")
  sub:add(f.virtio_flags, range(0, 1))
  sub:add(f.gso_type, range(1, 1))
  sub:add_le(f.hdr_len, range(2, 2))
  sub:add_le(f.gso_size, range(4, 2))
  sub:add_le(f.csum_start, range(6, 2))
  sub:add_le(f.csum_offset, range(8, 2))
end

-- Returns what is left for the Ethernet dissector, if anything, and what to say in the Info column.
local function dissect_data(buffer, tree)
  if buffer:len() < 16 then return nil, nil end
  local flags = buffer(2, 2)
  local bits = flags:uint()
  for _, field in ipairs({ f.se, f.ack, f.dir, f.ece, f.ret, f.first, f.last }) do
    tree:add(field, flags)
  end
  tree:add(f.path, buffer(2, 1), bit.band(buffer(2, 1):uint(), 7))
  tree:add(f.psn, buffer(4, 4))
  tree:add(f.cid, buffer(8, 4))
  tree:add(f.timestamp, buffer(12, 4))

  local is_first, is_last = bit.band(bits, 0x80) ~= 0, bit.band(bits, 0x40) ~= 0
  local kind = (bit.band(bits, 0x8000) ~= 0 and "probe")
    or (is_first and is_last and "frame")
    or (is_first and "first part")
    or (is_last and "last part")
    or "part"
  local info = string.format("%s, PSN %u", kind, buffer(4, 4):uint())
  if bit.band(bits, 0x0800) ~= 0 then info = info .. ", retransmission" end
  if is_first and buffer:len() >= 16 + 10 + 14 then
    dissect_virtio_header(buffer(16, 10), tree)
    return buffer(26), info
  end
  if buffer:len() > 16 then tree:add(f.part, buffer(16)) end
  return nil, info
end

-- The bitmap as in BIFROST §4.3, the first 32 PSNs of it: ACK(3|0100…).
local function bitmap_text(base_psn, buffer, words)
  local text = ""
  if words > 0 then
    local word = buffer(32, 4):uint()
    for i = 31, 0, -1 do
      text = text .. tostring(bit.band(bit.rshift(word, i), 1))
    end
    text = text:gsub("0+$", "")
  end
  return string.format("ACK(%u|%s…)", base_psn, text)
end

local function dissect_ack(buffer, tree)
  if buffer:len() < 32 then return nil, nil end
  local flags = buffer(2, 2)
  for _, field in ipairs({ f.ack_se, f.hop_count, f.ack_value, f.ack_type }) do
    tree:add(field, flags)
  end
  tree:add(f.path, buffer(2, 1), bit.band(bit.rshift(buffer(2, 1):uint(), 4), 7))
  tree:add(f.psn, buffer(4, 4))
  tree:add(f.cid, buffer(8, 4))
  tree:add(f.timestamp, buffer(12, 4))
  tree:add(f.echo, buffer(16, 4))
  tree:add(f.nic_rx, buffer(20, 4))
  for _, field in ipairs({ f.num_ack, f.num_ece, f.bitmap_len }) do
    tree:add(field, buffer(24, 4))
  end
  tree:add(f.psn_base, buffer(28, 4))
  local words = bit.band(bit.rshift(buffer(24, 4):uint(), 6), 15)
  if words > 8 or buffer:len() < 32 + 4 * words then return nil, nil end
  for i = 0, words - 1 do
    tree:add(f.bitmap, buffer(32 + 4 * i, 4))
  end
  return nil, bitmap_text(buffer(28, 4):uint(), buffer, words)
end

local function dissect_connect(buffer, tree)
  local packet_type = buffer(0, 1):uint()
  local needed = (packet_type == RESET or packet_type == CLOSE) and 12 or 24
  if buffer:len() < needed then return nil, nil end
  tree:add(f.thread, buffer(2, 1))
  if packet_type == CLOSE then
    tree:add(f.reason, buffer(3, 1))
    tree:add(f.refused, buffer(4, 4), buffer(4, 4):uint() == 0):set_generated()
  else
    tree:add(f.super_frames, buffer(3, 1))
    tree:add(f.pauses, buffer(3, 1))
  end
  tree:add(f.local_cid, buffer(4, 4))
  tree:add(f.cid, buffer(8, 4))
  local info = string.format("%s, CID 0x%08x", type_names[packet_type], buffer(8, 4):uint())
  if packet_type == RESET then return nil, info end
  if packet_type == CLOSE then
    local reason = buffer(3, 1):uint()
    return nil, string.format("%s: %s", info, reason_names[reason] or reason)
  end
  tree:add(f.source_mac, buffer(12, 6))
  tree:add(f.destination_mac, buffer(18, 6))
  info = string.format("%s of CID 0x%08x", type_names[packet_type], buffer(4, 4):uint())
  return nil, info
end

-- The flow of a pause, of the frames that are too many: what to say of it in the Info column.
local function dissect_flow(key_type, buffer, tree)
  local key = buffer(24, key_bytes[key_type])
  if key_type == KEY_MACS then
    tree:add(f.flow_source_mac, key(0, 6))
    tree:add(f.flow_destination_mac, key(6, 6))
    tree:add(f.ether_type, key(12, 2))
    return string.format("%s → %s", key(0, 6):ether(), key(6, 6):ether())
  end
  local ports = key_type == KEY_IPV4 and 8 or 32
  tree:add(f.source_port, key(ports, 2))
  tree:add(f.destination_port, key(ports + 2, 2))
  local source, destination
  if key_type == KEY_IPV4 then
    tree:add(f.source_ip, key(0, 4))
    tree:add(f.destination_ip, key(4, 4))
    source, destination = key(0, 4):ipv4(), key(4, 4):ipv4()
  else
    tree:add(f.source_ipv6, key(0, 16))
    tree:add(f.destination_ipv6, key(16, 16))
    source, destination = key(0, 16):ipv6(), key(16, 16):ipv6()
  end
  local source_port, destination_port = key(ports, 2):uint(), key(ports + 2, 2):uint()
  return string.format("%s port %u → %s port %u", source, source_port, destination, destination_port)
end

local function dissect_pause(buffer, tree)
  if buffer:len() < 24 then return nil, nil end
  local key_type = bit.rshift(buffer(2, 1):uint(), 4)
  local needed = key_bytes[key_type]
  if not needed or buffer:len() < 24 + needed then return nil, nil end
  tree:add(f.key_type, buffer(2, 2))
  tree:add(f.vlan, buffer(2, 2))
  tree:add(f.sequence, buffer(4, 4))
  tree:add(f.cid, buffer(8, 4))
  tree:add(f.pause, buffer(12, 2))
  tree:add(f.protocol, buffer(14, 1))
  tree:add(f.rate, buffer(16, 4))
  tree:add(f.native_flow, buffer(20, 4))
  local micros, rate = buffer(12, 2):uint(), buffer(16, 4):uint()
  tree:add(f.no_limit, buffer(16, 4), rate == NO_LIMIT):set_generated()
  tree:add(f.release, buffer(12, 8), micros == 0 and rate == NO_LIMIT):set_generated()
  local flow = dissect_flow(key_type, buffer, tree)
  if micros == 0 and rate == NO_LIMIT then return nil, "release of " .. flow end
  local limit = rate == NO_LIMIT and "no limit" or string.format("%u kbit/s", rate)
  return nil, string.format("pause of %u µs, then %s: %s", micros, limit, flow)
end

local dissectors = {
  [DATA] = dissect_data,
  [ACK] = dissect_ack,
  [REQUEST] = dissect_connect,
  [RESPONSE] = dissect_connect,
  [RESET] = dissect_connect,
  [CLOSE] = dissect_connect,
  [PAUSE] = dissect_pause,
}

-- Connection packets have one layout in all versions, so that ends of different versions can agree on one.
local any_version = { [REQUEST] = true, [RESPONSE] = true, [RESET] = true, [CLOSE] = true }


local function is_ours(buffer)
  return buffer:len() >= VXLAN_HEADER_BYTES
    and buffer(0, 1):uint() == VXLAN_FLAGS_BIFROST
    and buffer(3, 1):uint() == NEXT_PROTOCOL_BIFROST
end

local function dissect_bifrost(buffer, pinfo, tree, root)
  local packet_type = buffer:len() >= 4 and buffer(0, 1):uint()
  local version = packet_type and bit.rshift(buffer(1, 1):uint(), 4)
  local dissect = (version == VERSION or (version ~= 0 and any_version[packet_type]))
    and dissectors[packet_type]
  if not dissect then
    tree:add_proto_expert_info(malformed)
    return
  end
  tree:add(f.type, buffer(0, 1))
  tree:add(f.version, buffer(1, 1))
  tree:add(f.cc_type, buffer(1, 1))
  local frame, info = dissect(buffer, tree)
  if not info then
    tree:add_proto_expert_info(malformed)
    return
  end
  tree:append_text(": " .. info)
  pinfo.cols.info = info
  if frame then
    ethernet:call(frame:tvb(), pinfo, root)
    pinfo.cols.info:prepend(info .. ": ")
    pinfo.cols.protocol:prepend("Selvage/")
  end
end

local function is_zoo(buffer)
  return buffer:len() >= 4 and buffer(0, 3):uint() == ZOO_MAGIC
end

local function dissect_zoo_body(packet_type, body, tree)
  if packet_type == ZOO_UPDATE then
    for at = 0, body:len() - 12, 12 do
      tree:add(f.zoo_element, body(at, 4))
      tree:add(f.zoo_state, body(at + 4, 8))
    end
    return
  end
  if body:len() < 16 then return end
  tree:add(f.zoo_port, body(0, 2))
  tree:add(f.zoo_process, body(4, 4))
  tree:add(f.zoo_tag, body(8, 8))
  if body:len() < 20 then return end
  tree:add(f.zoo_record, body(16, 4))
  if body:len() < 32 then return end
  tree:add(f.zoo_newest, body(20, 4))
  tree:add(f.zoo_before, body(24, 8))
end

local function dissect_zoo(buffer, pinfo, root)
  pinfo.cols.protocol = "Selvage"
  local tree = root:add(selvage, buffer())
  local packet_type = buffer(3, 1):uint()
  local name = zoo_type_names[packet_type]
  local length = buffer:len() >= ZOO_HEADER_BYTES and buffer(8, 2):uint() or 0
  if not name or length < ZOO_HEADER_BYTES or length > buffer:len() then
    tree:add_proto_expert_info(malformed)
    return
  end
  tree:add(f.zoo_type, buffer(3, 1))
  tree:add(f.zoo_version, buffer(4, 1))
  for _, field in ipairs({ f.zoo_role, f.zoo_full, f.zoo_partial, f.zoo_backends }) do
    tree:add(field, buffer(5, 1))
  end
  tree:add(f.zoo_ctl, buffer(6, 1))
  tree:add(f.zoo_last, buffer(7, 1))
  tree:add(f.zoo_length, buffer(8, 2))
  tree:add(f.zoo_sequence, buffer(12, 4))
  tree:add(f.zoo_source, buffer(16, 16))
  tree:add(f.zoo_backend, buffer(32, 6))
  if length > ZOO_HEADER_BYTES then
    dissect_zoo_body(packet_type, buffer(ZOO_HEADER_BYTES, length - ZOO_HEADER_BYTES), tree)
  end
  local info = string.format("Rerouting: %s %u", name, buffer(12, 4):uint())
  local ctl = buffer(6, 1):uint()
  if ctl ~= 0 then info = info .. ", " .. (zoo_ctl_names[ctl] or ctl) end
  tree:append_text(": " .. info)
  pinfo.cols.info = info
end

-- VNI 0, of plain VXLAN or with ZooRoute's magic number and no type: what finds routes by its TTL.
local function is_route_probe(buffer)
  if buffer:len() < VXLAN_HEADER_BYTES or buffer(4, 3):uint() ~= 0 then return false end
  return buffer(0, 1):uint() == 0x08 or buffer(0, 4):uint() == ZOO_MAGIC * 256
end

function selvage.dissector(buffer, pinfo, root)
  if is_route_probe(buffer) then
    pinfo.cols.protocol = "Selvage"
    pinfo.cols.info = "Looks for a route"
    local tree = root:add(selvage, buffer())
    tree:append_text(": looks for a route")
    tree:add(f.vni, buffer(4, 3))
    return buffer:len()
  end
  if is_zoo(buffer) then
    dissect_zoo(buffer, pinfo, root)
    return buffer:len()
  end
  if not is_ours(buffer) then return vxlan and vxlan:call(buffer, pinfo, root) or 0 end
  pinfo.cols.protocol = "Selvage"
  local tree = root:add(selvage, buffer())
  tree:add(f.vni, buffer(4, 3))
  if buffer:len() > VXLAN_HEADER_BYTES then
    dissect_bifrost(buffer(VXLAN_HEADER_BYTES), pinfo, tree, root)
  else
    tree:add_proto_expert_info(malformed)
  end
  return buffer:len()
end

udp_ports:add(VXLAN_PORT, selvage)
