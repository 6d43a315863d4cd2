// Choices that look random and are the same each time: a failing run is repeated with the seed that it printed.

/** Of all stories; the environment's `SEED` sets another. */
export const SEED = Number(process.env.SEED ?? 8000);

/** Whole numbers below `n`, by mulberry32 (Tommy Ettinger, public domain). */
export function choices(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
}
