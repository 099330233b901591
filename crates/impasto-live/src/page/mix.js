// Styles and their mix: plain functions over the server's lists, `[{id, name, source}]` and `[{id, weight}]`.

// Styles whose name or source has all words of `query`, favourites only if asked.
export function found(styles, query, favourites, onlyFavourites) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return styles.filter(({ id, name, source }) => {
    const text = `${id} ${name} ${source}`.toLowerCase();
    return (!onlyFavourites || favourites.includes(id)) && words.every((word) => text.includes(word));
  });
}

// The mix with a style put in, or taken out if it is there. The last one stays.
export function toggled(mix, id) {
  const without = mix.filter((chosen) => chosen.id !== id);
  if (without.length === mix.length) return [...mix, { id, weight: mix.length ? mean(mix) : 1 }];
  return without.length ? without : mix;
}

const mean = (mix) => mix.reduce((sum, { weight }) => sum + weight, 0) / mix.length || 1;

// The mix with another weight for one style; weights that all became 0 stay as they were.
export function weighted(mix, id, weight) {
  const changed = mix.map((chosen) => (chosen.id === id ? { id, weight } : chosen));
  return changed.some((chosen) => chosen.weight > 0) ? changed : mix;
}

// Shares of the whole, in `0..1`.
export function shares(mix) {
  const total = mix.reduce((sum, { weight }) => sum + weight, 0) || 1;
  return mix.map(({ id, weight }) => ({ id, share: weight / total }));
}

// The style `by` places after the first one of the mix, round and round; `undefined` where there are none.
export function stepped(styles, mix, by) {
  const at = styles.findIndex(({ id }) => id === mix[0]?.id);
  // From nowhere, a step forward is the first and one back the last.
  const next = at < 0 ? (by > 0 ? by - 1 : by) : at + by;
  return styles.at(((next % styles.length) + styles.length) % styles.length)?.id;
}

// Saved settings as far as they still fit: styles that are gone are left out.
export function fitting(saved, styles) {
  if (!saved || typeof saved !== "object") return null;
  const known = new Set(styles.map(({ id }) => id));
  const { styles: mix = [], ...rest } = saved;
  const left = mix.filter(({ id }) => known.has(id));
  return left.length ? { ...rest, styles: left } : rest;
}

export const flipped = (list, item) => (list.includes(item) ? list.filter((other) => other !== item) : [...list, item]);
