// What pages do besides being read: times in the viewer's zone, light or dark, copying.
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

document.addEventListener("DOMContentLoaded", () => {
  localise(document);
  document.querySelector("[data-theme-switch]")?.addEventListener("click", () => {
    const isDark = getComputedStyle(root).colorScheme === "dark";
    root.dataset.theme = isDark ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* for this page alone */ }
    document.dispatchEvent(new CustomEvent("themechange"));
  });
});
