// The admin site: says when Launchpad does not answer, as app.js does on all other pages. Nothing else needs scripts.
(() => {
  "use strict";
  const PAUSE = 10000; // milliseconds between two looks for the server
  const TIMEOUT = 8000; // milliseconds
  const banner = document.getElementById("connection");
  let leaving = 0; // a request that ends because the page is left is no sign of trouble

  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(banner.dataset.ping, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) });
      banner.hidden = answer.status < 500;
    } catch {
      if (Date.now() - leaving > 3000) banner.hidden = false;
    }
  };

  addEventListener("beforeunload", () => { leaving = Date.now(); });
  document.addEventListener("visibilitychange", look);
  setInterval(look, PAUSE);
})();
