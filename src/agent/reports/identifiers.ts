// Numbers by which people name connections and networks, as they are shown and typed.

/** As the dissector shows it. */
export function formatCid(cid: number): string {
  return cid.toString(16).padStart(8, '0');
}

/** As it is shown, or like 0x12ab3f. */
export function parseCid(text: string): number | undefined {
  const digits = /^(?:0x)?([0-9a-f]{1,8})$/i.exec(text)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

export function parseVni(text: string): number | undefined {
  return /^\d{1,8}$/.test(text) ? Number(text) : undefined;
}

/** What they look like, for who typed something else. */
export const LIKE_CID = 'eight hexadecimal digits, like 0012ab3f';
export const LIKE_VNI = 'the number of a network, like 77';
