// How messages between datapaths and algorithms are laid out: libccp's serialize.h and ccp_priv.h and portus'
// src/serialize (github.com/ccp-project, libccp cb42dae, portus 0.8.0; CCP §4.5.3), little-endian and packed:
//
//   header (8)           type u16 · bytes in all u16 · flow u32
//   CREATE (88…)         initial cwnd u32 · MSS u32 · source u32, port u32 · destination u32, port u32 · algorithm char[64]
//   MEASURE (8…)         program u32 · fields u32 · field u64 …           no program and no fields: the flow is closed
//   UPDATE_FIELDS (4…)   updates u32 · { register's type u8 · its index u32 · value u64 } …
//   READY (4)            datapath u32: it has begun anew, and its earlier flows are gone; a data thread's is flow >>> 28
//
// What theirs has no room for stands behind what is theirs, where their readers do not look: after CREATE the datapath's
// clock u64 · protocol u32 · VNI u32 · source, destination and peer char[48]; after MEASURE's fields the report's serial
// u64 · the datapath's clock u64. Programs of ours are not theirs (language/instructions.ts), so they travel by a type
// beyond theirs, and so does what theirs do not say:
//
//   INSTALL (1816…)      program u32 · updates u32 · 1808 bytes · the updates
//   ANSWER (4)           serial u32
//   ABANDON (…)          why, in UTF-8
//   OFFER (64)           an algorithm's name, char[64]: who sends this controls the flows that ask for it

export const CREATE = 0;
export const MEASURE = 1;
export const UPDATE_FIELDS = 3;
export const READY = 5;
export const INSTALL = 256;
export const ANSWER = 257;
export const ABANDON = 258;
export const OFFER = 259;

export const HEADER_BYTES = 8;
export const NAME_BYTES = 64;
export const PLACE_BYTES = 48;
export const UPDATE_BYTES = 13;

/** Bytes behind the header. */
export const CREATE_BYTES = 24 + NAME_BYTES;
export const CREATE_MORE_BYTES = CREATE_BYTES + 16 + 3 * PLACE_BYTES;

/** Of registers: cwnd and rate are implicit, the program's own are control registers, by number from 32 on. */
export const NONVOLATILE_CONTROL_REG = 0;
export const IMPLICIT_REG = 2;
export const CWND_REG = 4;
export const RATE_REG = 5;

export const protocols = ['tcp', 'udp', 'bifrost'] as const;
