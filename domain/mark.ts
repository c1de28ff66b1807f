/** Returns seven characters that tell texts apart: FNV-1a, for workflows have no better hash. What must not collide is checked elsewhere. */
export function markOf(text: string): string {
  // http://www.isthe.com/chongo/tech/comp/fnv: two halves of 32 bits with different beginnings.
  const half = (basis: number): number => {
    let hash = basis;
    for (let index = 0; index < text.length; index += 1)
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
    return hash;
  };
  return ((half(0x811c9dc5) & 0xfffff) * 2 ** 32 + half(0x050c5d1f)).toString(36).padStart(11, '0').slice(-7);
}
