// What pages do besides being read: times in the viewer's zone, light or dark, parts that renew
// themselves.
"use strict";
const root = document.documentElement;
root.classList.add("has-script");

const stored = (() => { try { return localStorage.getItem("theme"); } catch { return null; } })();
if (stored) root.dataset.theme = stored;

function localise(within) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const place of within.querySelectorAll("[data-zone]")) place.textContent = zone;
  const format = new Intl.DateTimeFormat("sv-SE", {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  const name = new Intl.DateTimeFormat(root.lang, { timeZoneName: "short" });
  for (const place of within.querySelectorAll("time[datetime]")) {
    const moment = new Date(place.dateTime);
    if (isNaN(moment)) continue;
    const part = name.formatToParts(moment).find((one) => one.type === "timeZoneName");
    place.title = place.title || place.textContent;
    place.textContent = `${format.format(moment)} ${part ? part.value : ""}`.trim();
  }
}

const isTyped = (part) => part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
const nameParts = (within) => [...within.querySelectorAll("[data-live]")].map((part) => part.dataset.live).sort().join(" ");

// Renews the parts marked `data-live="NAME"`, by the page's own address; others stay as they are.
// Where there are other parts by now, the page is loaded anew.
async function renew() {
  const answer = await fetch(location.href, { headers: { accept: "text/html", "x-unattended": "1" } });
  if (answer.redirected) return location.reload();
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (nameParts(fresh) !== nameParts(document) && !isTyped(document)) return location.reload();
  for (const part of document.querySelectorAll("[data-live]")) {
    if (isTyped(part)) continue;
    const next = fresh.querySelector(`[data-live="${CSS.escape(part.dataset.live)}"]`);
    if (!next || next.outerHTML === (part.dataset.shown ?? part.outerHTML)) continue;
    const shown = next.outerHTML;
    localise(next);
    next.dataset.shown = shown;
    part.replaceWith(next);
  }
  document.dispatchEvent(new CustomEvent("renewed"));
}

// Listens while the page is seen: browsers allow few connections to one place. What no event tells
// of is looked at again after as many seconds as `data-again` says.
function listen() {
  let source = null;
  const follow = () => {
    source?.close();
    source = null;
    if (document.hidden) return;
    source = new EventSource("/events");
    source.addEventListener("change", () => renew().catch(() => {}));
    // Closed for good where the session has ended: the page goes to where one signs in.
    source.addEventListener("error", ({ target }) => {
      if (target.readyState === EventSource.CLOSED) renew().catch(() => {});
    });
  };
  document.addEventListener("visibilitychange", () => {
    follow();
    if (!document.hidden) renew().catch(() => {});
  });
  follow();
  const seconds = document.querySelector("[data-again]")?.dataset.again;
  if (seconds) setInterval(() => { if (!document.hidden && document.querySelector("[data-again]")) renew().catch(() => {}); }, 1000 * seconds);
}

document.addEventListener("DOMContentLoaded", () => {
  localise(document);
  // In a narrow window the menu is one row: the present page's name shall be seen in it.
  for (const current of document.querySelectorAll(".menu [aria-current], .tabs [aria-current]")) {
    const row = current.parentElement;
    row.scrollLeft += current.getBoundingClientRect().left - row.getBoundingClientRect().left - (row.clientWidth - current.offsetWidth) / 2;
  }
  if (document.querySelector("[data-live]")) listen();
  document.querySelector("[data-theme-switch]")?.addEventListener("click", () => {
    const isDark = getComputedStyle(root).colorScheme === "dark";
    root.dataset.theme = isDark ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* for this page alone */ }
    document.dispatchEvent(new CustomEvent("themechange"));
  });
});
