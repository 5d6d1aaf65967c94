// What an endpoint's socket is called in the agent's folder: one socket a vNIC, so that each can have a group of its own,
// and be mounted where its application runs.

export function endpointSocketName(vnic: string): string {
  return `endpoint-${vnic}.sock`;
}
