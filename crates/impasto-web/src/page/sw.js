// Answers the page's requests: from the cache when there is no network, and with the headers that threads need.
//
// The list and the version are written by the site's maker (site.rs); every new version has a cache of its own.

const VERSION = "@VERSION@";
const FILES = [/*@FILES@*/];
const CACHE = `impasto-${VERSION}`;
const HEADERS = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp", "cross-origin-resource-policy": "same-origin" };

// Nothing is loaded here, so that the first visit does not wait; the page's own files come in `keep`.
self.oninstall = () => self.skipWaiting();
self.onactivate = (event) => event.waitUntil(activate());
async function activate() {
  const old = (await caches.keys()).filter((name) => name.startsWith("impasto-") && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

// The page paints: now there is time to keep what it needs without a network.
self.onmessage = ({ data }) => { if (data.keep) keep([...FILES.map((name) => new URL(name, self.registration.scope).href), ...data.keep]); };
async function keep(addresses) {
  const cache = await caches.open(CACHE);
  for (const address of addresses) if (!(await cache.match(address))) await cache.add(address).catch(() => {});
}

self.onfetch = (event) => {
  const { request } = event, address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== location.origin) return;
  event.respondWith(answer(request, address));
};

async function answer(request, address) {
  address.search = address.hash = "";
  const kept = await caches.open(CACHE).then((cache) => cache.match(address.href));
  const found = kept ?? (await fetch(request));
  if (found.status === 0) return found;
  const headers = new Headers(found.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  return new Response(found.body, { status: found.status, statusText: found.statusText, headers });
}
