// A link that carries the settings: after the #, so that no server sees them.

// What a link may set; the rest belongs to the machine that opens it.
const CARRIED = ["styles", "strength", "keep_color", "steady", "brush", "mirror"];

// The link to this page with these settings; styles that were added here are not known elsewhere, and are left out.
export function shareLink(address, settings, styles) {
  const builtin = new Set(styles.filter(({ builtin }) => builtin).map(({ id }) => id));
  const carried = Object.fromEntries(CARRIED.map((name) => [name, settings[name]]));
  carried.styles = carried.styles.filter(({ id }) => builtin.has(id)).map(({ id, weight }) => ({ id, weight: Number(weight.toFixed(3)) }));
  const link = new URL(address);
  link.hash = encodeURIComponent(JSON.stringify(carried));
  return link.href;
}

// The settings that a link carries, or null where it carries none.
export function sharedSettings(hash) {
  try {
    const found = JSON.parse(decodeURIComponent(hash.slice(1)));
    const carried = Object.entries(found).filter(([name]) => CARRIED.includes(name));
    return carried.length ? Object.fromEntries(carried) : null;
  } catch {
    return null;
  }
}
