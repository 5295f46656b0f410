/** Damaged copies of a frame, the same for the same seed. */

const junk: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  '',
  '\u0000\ud800',
  'x'.repeat(200_000),
  [],
  {},
  [[[[[[[[]]]]]]]],
  { __proto__: null, constructor: 1, toString: 'no' },
];

export function mutations(frame: object, count: number, seed: number): object[] {
  let state = seed >>> 0;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  return Array.from({ length: count }, () => {
    const copy = structuredClone(frame) as Record<string, unknown>;
    for (let times = 1 + random(3); times > 0; times--) damage(copy, random);
    return copy;
  });
}

/** A frame that is one level deep for every step: recursion without a limit does not survive it. */
export function deep(levels: number): object {
  let nested: object = {};
  for (let level = 0; level < levels; level++) nested = { nested, list: [] };
  return nested;
}

function damage(root: Record<string, unknown>, random: (below: number) => number): void {
  const places = fields(root);
  const place = places[random(places.length)];
  if (place === undefined) return;
  const [holder, name] = place;
  switch (random(4)) {
    case 0:
      delete holder[name];
      break;
    case 1:
      holder[`${name}_new`] = junk[random(junk.length)];
      break;
    default:
      holder[name] = junk[random(junk.length)];
  }
}

function fields(value: unknown, depth = 0): [Record<string, unknown>, string][] {
  if (typeof value !== 'object' || value === null || depth > 8) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((name) => [[holder, name], ...fields(holder[name], depth + 1)]);
}
