// Keeps the page as it is in the database. Without it the page is the same, read again by hand.
"use strict";
(() => {
  const everyMs = 15000, lateMs = 45000;
  const stale = document.getElementById("stale");
  let shown = null, heardMs = Date.now();

  const isInUse = () => {
    const focused = document.activeElement;
    const types = focused && focused.matches("input, select, textarea, button");
    return types || !getSelection().isCollapsed;
  };

  async function look() {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { cache: "no-cache" });
      if (!answer.ok) throw new Error(answer.status);
      heardMs = Date.now();
      stale.textContent = "";
      const tag = answer.headers.get("ETag");
      if (tag === shown || isInUse()) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const focus = document.activeElement && document.activeElement.getAttribute("href");
      const open = [...document.querySelectorAll("details[open][id]")].map((one) => one.id);
      for (const part of ["main", "header .asof time"]) {
        document.querySelector(part).replaceWith(page.querySelector(part));
      }
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      if (focus) document.querySelector(`a[href="${CSS.escape(focus)}"]`)?.focus();
      shown = tag;
    } catch {
      if (Date.now() - heardMs > lateMs) {
        const minutes = Math.round((Date.now() - heardMs) / 60000);
        stale.textContent = ` · no answer for ${minutes ? `${minutes} min` : "a while"}: this is old`;
      }
    }
  }
  setInterval(look, everyMs);
  document.addEventListener("visibilitychange", look);
})();
