"use strict";
(() => {
  const badge = (text, lost) => {
    const el = document.getElementById("link");
    if (el) { el.hidden = false; el.textContent = text; el.classList.toggle("lost", lost); }
  };
  const ago = (ms) => {
    const s = Math.round(Math.abs(ms) / 1000);
    const [n, unit] = s < 60 ? [s, "s"] : s < 3600 ? [Math.round(s / 60), "min"]
      : s < 86400 ? [Math.round(s / 3600), "h"] : [Math.round(s / 86400), "d"];
    if (s < 3) return "now";
    return ms > 0 ? `${n} ${unit} ago` : `in ${n} ${unit}`;
  };
  const tell = () => document.querySelectorAll(".times time, .banner time, footer time").forEach((t) => {
    t.textContent = ago(Date.now() - Date.parse(t.dateTime));
  });
  let busy = false, again = false, connected = true;
  const draw = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
      if (!answer.ok) { location.reload(); return; }
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const open = new Map([...document.querySelectorAll("details")].map((d) => [d.id, d.open]));
      next.querySelectorAll("details").forEach((d) => { if (open.has(d.id)) d.open = open.get(d.id); });
      const focused = document.activeElement && document.activeElement.id;
      document.title = next.title;
      document.getElementById("live").replaceWith(next.getElementById("live"));
      document.querySelector("footer").replaceWith(next.querySelector("footer"));
      if (focused && document.getElementById(focused)) document.getElementById(focused).focus({ preventScroll: true });
      badge("live", false);
      tell();
    } catch { badge("no connection", true); } finally {
      busy = false;
      if (again) { again = false; draw(); }
    }
  };
  const listen = () => {
    const source = new EventSource("events");
    source.onopen = () => { if (!connected) { connected = true; draw(); } badge("live", false); };
    source.onmessage = (e) => { if (e.data !== document.getElementById("live").dataset.seen) draw(); };
    source.onerror = () => {
      connected = false;
      badge("no connection", true);
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
    };
  };
  document.addEventListener("submit", async (e) => {
    e.preventDefault();
    const button = e.target.querySelector("button");
    button.disabled = true;
    try { await fetch(e.target.action, { method: "POST", headers: { Accept: "application/json" } }); } catch { badge("no connection", true); }
    setTimeout(draw, 400);
  });
  tell();
  setInterval(tell, 5000);
  listen();
})();
