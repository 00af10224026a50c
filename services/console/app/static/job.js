// Looks again at a job every two seconds, for as long as it is open.
"use strict";
async function look() {
  const place = document.getElementById("job");
  if (!place?.hasAttribute("data-open")) return;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    const found = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("job");
    if (found && found.textContent !== place.textContent) place.replaceWith(found);
  } catch { /* the next look may reach it */ }
  setTimeout(look, 2000);
}
setTimeout(look, 2000);
