// What HTML cannot do by itself. Every action works without this file; htmx and it only make pages livelier.
// Attributes it reads:
//   data-poll                  an element with hx-get and hx-trigger="every ..., visibilitychange from:document"
//   data-announce="sentence"   on an element with an id inside a polled fragment: read out when the sentence changes
//   data-updated               its text becomes the time of the last answer to a poll
//   data-bulk                  a form with .pick ticks; data-bulk-all: its "select all", data-bulk-count: its <output>
//   data-copy="text|#id"       copies the text, or the text of the element
//   data-modal                 a <dialog> that opens as soon as htmx has brought it; data-open="id" opens one on click
//   data-filter                a form whose empty fields stay out of the address
//   data-key="g d"             with data-keys on <body>: these keys focus a field or press a button or link
//   data-upload                a form with a file: its <progress hidden> shows how much has been sent
(() => {
  "use strict";
  const PAUSES = [2, 4, 8, 15, 30, 60]; // seconds between tries while the server does not answer
  const POLL_TIMEOUT = 8000; // milliseconds
  const READ_OUT = 3; // of more changes at once only the first are read out

  const find = (selector, root = document) => root.querySelector(selector);
  const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
  const on = (type, listener) => document.addEventListener(type, listener);
  const now = () => new Date().toLocaleTimeString(document.documentElement.lang || undefined);

  // --- the reader's time zone: the server renders times in it ------------------------------------------
  const keepTimeZone = () => {
    const zone = encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");
    if (document.cookie.split("; ").includes(`tz=${zone}`)) return;
    const secure = location.protocol === "https:" ? ";secure" : "";
    document.cookie = `tz=${zone};path=/;max-age=31536000;samesite=lax${secure}`;
  };

  // --- polling: not from a hidden tab, with growing pauses while the server is away ---------------------
  const connection = { failures: 0, nextTry: 0, lastAnswer: now(), ticking: 0 };
  const isPoll = (element) => element.matches("[data-poll]");
  const mayPoll = () => !document.hidden && Date.now() >= connection.nextTry;

  const serverAway = () => {
    const pause = PAUSES[Math.min(connection.failures, PAUSES.length - 1)];
    connection.failures += 1;
    connection.nextTry = Date.now() + pause * 1000;
    document.body.dataset.offline = "";
    tellPause();
    connection.ticking ||= setInterval(tellPause, 1000);
  };

  const tellPause = () => {
    const banner = find("#connection");
    if (!banner) return;
    const pause = Math.max(0, Math.ceil((connection.nextTry - Date.now()) / 1000));
    const text = find("[data-text]", banner);
    text.textContent = text.dataset.text.replace("{time}", connection.lastAnswer).replace("{pause}", pause);
    banner.hidden = false;
    if (pause === 0 && !find("[data-poll]")) probe(); // nothing on this page would find out
  };

  const serverBack = () => {
    connection.lastAnswer = now();
    findAll("[data-updated]").forEach((element) => { element.textContent = connection.lastAnswer; });
    if (!connection.failures) return;
    clearInterval(connection.ticking);
    Object.assign(connection, { failures: 0, nextTry: 0, ticking: 0 });
    delete document.body.dataset.offline;
    find("#connection")?.setAttribute("hidden", "");
  };

  const probe = () => {
    connection.nextTry = Date.now() + POLL_TIMEOUT;
    fetch(location.href, { method: "HEAD", signal: AbortSignal.timeout(POLL_TIMEOUT) })
      .then((answer) => (isGone(answer.status) ? serverAway() : serverBack()), serverAway);
  };

  const isGone = (status) => [502, 503, 504].includes(status);
  const pollNow = () => {
    connection.nextTry = 0;
    const polls = findAll("[data-poll]");
    polls.forEach((element) => htmx.trigger(element, "visibilitychange"));
    if (!polls.length) probe();
  };

  on("htmx:configRequest", (event) => {
    const { elt, formData } = event.detail;
    if (isPoll(elt)) event.detail.timeout = POLL_TIMEOUT;
    if (elt.matches("form[data-filter]")) [...formData].forEach(([name, value]) => value || formData.delete(name));
  });
  on("htmx:beforeRequest", (event) => {
    if (isPoll(event.detail.elt) && !mayPoll()) event.preventDefault();
    else showBusy(event.detail.elt, 1);
  });
  on("htmx:afterRequest", (event) => {
    showBusy(event.detail.elt, -1);
    const { xhr, elt, successful } = event.detail;
    if (isGone(xhr.status) || (isPoll(elt) && xhr.status >= 500)) serverAway();
    else if (isPoll(elt) && successful) serverBack();
  });
  on("htmx:responseError", (event) => {
    const { xhr, elt } = event.detail;
    if (xhr.status === 401) signIn();
    else if (!isPoll(elt)) toast(document.body.dataset.failed);
    else if (xhr.status < 500) location.reload(); // what the page shows is gone or no longer ours: let the server say so
  });
  let leaving = 0; // requests that end because the page is left are no sign of trouble
  addEventListener("beforeunload", () => { leaving = Date.now(); });
  ["htmx:sendError", "htmx:timeout"].forEach((type) => on(type, () => {
    if (Date.now() - leaving > 3000) serverAway();
  }));

  // --- session over: sign in, then back to the same page (HX-Redirect is htmx's own) ---------------------
  const signIn = () => {
    const here = encodeURIComponent(location.pathname + location.search);
    location.assign(`${document.body.dataset.signIn}?next=${here}`);
  };
  on("htmx:beforeSwap", (event) => {
    if (new URL(event.detail.xhr.responseURL || location).pathname !== document.body.dataset.signIn) return;
    event.detail.shouldSwap = false;
    signIn();
  });

  // --- waiting: the bar under the shell bar appears when an answer takes more than 300 ms ----------------
  let waiting = 0;
  const showBusy = (element, change) => {
    if (isPoll(element)) return;
    waiting = Math.max(0, waiting + change);
    document.body.setAttribute("aria-busy", String(waiting > 0));
  };
  on("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.matches("[hx-post], [hx-get], [method=dialog]")) return;
    if (form.dataset.sent) return event.preventDefault(); // a second click must not create a second one
    form.dataset.sent = "yes";
    event.submitter?.setAttribute("aria-busy", "true");
    setTimeout(() => acceptAgain(form), 10000); // the answer was a download, or never came
  });
  const acceptAgain = (form) => {
    delete form.dataset.sent;
    findAll("[aria-busy]", form).forEach((element) => element.removeAttribute("aria-busy"));
  };
  addEventListener("pageshow", () => findAll("[data-sent]").forEach(acceptAgain)); // came back by the Back button

  // --- a morph must not undo what the reader has ticked, typed or opened ---------------------------------
  const touched = new WeakSet();
  const keepsOwn = (name, element) =>
    (name === "checked" && element.checked !== element.defaultChecked) ||
    (name === "value" && element.matches("input") && element.value !== element.defaultValue) ||
    (name === "open" && (touched.has(element) || element.matches("dialog")));
  on("click", (event) => {
    const summary = event.target.closest("summary");
    if (summary) touched.add(summary.parentElement);
  });
  Idiomorph.defaults.ignoreActiveValue = true;
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) => !keepsOwn(name, element);

  // --- a change of status is announced once ----------------------------------------------------------------
  const sentences = () => new Map(findAll("[data-announce][id]").map((e) => [e.id, e.dataset.announce]));
  let known = sentences();
  const announceChanges = () => {
    const fresh = sentences();
    const changes = [...fresh].filter(([id, text]) => known.has(id) && known.get(id) !== text).map(([, text]) => text);
    known = fresh;
    if (changes.length) find("#announcer").textContent = changes.slice(0, READ_OUT).join(". ");
  };

  const toast = (text) => {
    const element = Object.assign(document.createElement("p"), { className: "toast", textContent: text });
    find("#toasts").append(element);
    setTimeout(() => element.remove(), 5000);
  };

  // --- bulk selection ----------------------------------------------------------------------------------------
  const ticks = (form) => findAll("tbody .pick input[type=checkbox]:enabled", form);
  const syncBulk = () => findAll("form[data-bulk]").forEach((form) => {
    const boxes = ticks(form);
    const chosen = boxes.filter((box) => box.checked).length;
    const all = find("[data-bulk-all]", form) ?? {};
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
    const count = find("[data-bulk-count]", form);
    if (count && count.value !== String(chosen)) count.value = chosen;
  });
  on("change", (event) => {
    const form = event.target.closest("form[data-bulk]");
    if (!form) return;
    if (event.target.matches("[data-bulk-all]")) ticks(form).forEach((box) => { box.checked = event.target.checked; });
    syncBulk();
  });
  on("reset", () => setTimeout(syncBulk));

  // --- dialogs -------------------------------------------------------------------------------------------------
  const openNewDialogs = () => findAll("dialog[data-modal]:not([open])").forEach((dialog) => {
    delete dialog.dataset.modal; // a dialog closed later must not open again at the next swap
    dialog.showModal();
  });
  on("click", (event) => {
    const opener = event.target.closest("[data-open]");
    const dialog = opener && document.getElementById(opener.dataset.open);
    if (dialog) {
      event.preventDefault();
      dialog.showModal();
    }
    if (event.target.closest("[aria-disabled=true]")) event.preventDefault();
    if (event.target.closest("[data-retry]")) pollNow();
  });
  if (!("commandForElement" in HTMLButtonElement.prototype)) on("click", (event) => {
    const button = event.target.closest("button[commandfor]");
    const dialog = button && document.getElementById(button.getAttribute("commandfor"));
    if (dialog) button.getAttribute("command") === "close" ? dialog.close() : dialog.showModal();
  });
  if (!("closedBy" in HTMLDialogElement.prototype)) on("click", (event) => {
    if (event.target.matches("dialog[closedby=any]")) event.target.close(); // the backdrop counts as the dialog
  });
  on("keydown", (event) => {
    if (event.key !== " " || !event.target.matches("a[role=button]")) return;
    event.preventDefault(); // a link that acts as a button obeys the space bar too
    event.target.click();
  });

  // --- keyboard shortcuts: one key, or two after another -------------------------------------------------------
  let before = "";
  on("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !("keys" in document.body.dataset)) return;
    if (event.target.closest("input, select, textarea, dialog, [popover]")) return;
    const keys = before === "g" ? `g ${event.key}` : event.key;
    before = event.key;
    const element = find(`[data-key="${CSS.escape(keys)}"]`);
    if (!element) return;
    event.preventDefault();
    element.matches("input") ? element.focus() : element.click();
  });

  // --- copy ------------------------------------------------------------------------------------------------------
  const copyText = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = Object.assign(document.createElement("textarea"), { value: text }); // plain http: no clipboard API
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  on("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = button.dataset.copy;
    await copyText(source.startsWith("#") ? find(source).textContent : source);
    toast(document.body.dataset.copied);
    const use = find("use", button);
    const before = use?.getAttribute("href");
    use?.setAttribute("href", before.replace(/#.*/, "#check"));
    setTimeout(() => use?.setAttribute("href", before), 1500);
  });

  // --- uploads -----------------------------------------------------------------------------------------------------
  on("htmx:xhr:progress", (event) => {
    const bar = event.target.matches("form[data-upload]") && find("progress", event.target);
    if (!bar || !event.detail.lengthComputable) return;
    Object.assign(bar, { hidden: false, max: event.detail.total, value: event.detail.loaded });
  });

  on("htmx:afterSettle", () => {
    announceChanges();
    syncBulk();
    openNewDialogs();
  });
  keepTimeZone();
  syncBulk();
  openNewDialogs();
})();
