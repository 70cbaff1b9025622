// What HTML cannot do by itself. Every action works without this file; htmx and it only make pages livelier.
// Attributes it reads:
//   data-poll                  an element with an id, hx-get and hx-trigger="every ..., visibilitychange from:document";
//                              "shell" for one that tells nothing of what the page itself shows
//   data-ping                  on <body>: what a page without polls asks to know that the server is there
//   data-since="ISO time"      its text is how long ago that is, every second
//   data-age="... {age} ..."   says how old the page is while the server does not answer
//   data-announce="sentence"   on an element with an id inside a polled fragment: read out when the sentence changes
//   data-updated               its text becomes the time of the last answer to a poll
//   data-keep="version"        what a morph leaves as it is, until the version is another one
//   data-dismiss               a link that closes the message it stands in; without scripts it loads the page without
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
  const PING_PAUSE = 10000; // milliseconds between two looks for the server from a page that does not poll
  const READ_OUT = 3; // of more changes at once only the first are read out

  const find = (selector, root = document) => root.querySelector(selector);
  const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
  const on = (type, listener) => document.addEventListener(type, listener);
  const clock = (when) => new Date(when).toLocaleTimeString(document.documentElement.lang || undefined);
  const inWords = (milliseconds) => { // as the server does: the two largest of the units
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const [s, min, h, d] = document.body.dataset.units.split("|");
    const two = (large, unit, rest, small) => unit.replace("#", large) + (rest ? ` ${small.replace("#", rest)}` : "");
    if (seconds < 60) return s.replace("#", seconds);
    if (seconds < 3600) return two(Math.floor(seconds / 60), min, seconds % 60, s);
    if (seconds < 86400) return two(Math.floor(seconds / 3600), h, Math.floor(seconds / 60) % 60, min);
    return two(Math.floor(seconds / 86400), d, Math.floor(seconds / 3600) % 24, h);
  };

  // --- the reader's time zone: the server renders times in it ------------------------------------------
  const keepTimeZone = () => {
    const zone = encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");
    if (document.cookie.split("; ").includes(`tz=${zone}`)) return;
    const secure = location.protocol === "https:" ? ";secure" : "";
    document.cookie = `tz=${zone};path=/;max-age=31536000;samesite=lax${secure}`;
  };

  // --- polling: not from a hidden tab, with growing pauses while the server is away ---------------------
  // away: ids of the polls that fail ("" for anything else); lastAnswer: when the page was last known to be true.
  const connection = { away: new Set(), pauses: 0, nextTry: 0, asked: false, trying: false, pingAt: 0, lastAnswer: Date.now() };
  const isPoll = (element) => element.matches("[data-poll]");
  const isAway = () => connection.away.size > 0;
  const mayPoll = () => !document.hidden && (!isAway() || connection.trying);

  const serverAway = (id) => {
    const isFirst = !isAway();
    connection.away.add(id);
    if (!isFirst && !connection.asked) return; // of the polls of one try only the first makes the pause grow
    const pause = PAUSES[Math.min(connection.pauses, PAUSES.length - 1)];
    Object.assign(connection, { asked: false, pauses: connection.pauses + 1, nextTry: Date.now() + pause * 1000 });
    document.body.dataset.offline = "";
    tellAway();
  };

  const tellAway = () => {
    const age = inWords(Date.now() - connection.lastAnswer);
    findAll("[data-age]").forEach((element) => { element.textContent = element.dataset.age.replace("{age}", age); });
    const banner = find("#connection");
    if (!banner) return;
    const pause = connection.asked ? 0 : Math.max(0, Math.ceil((connection.nextTry - Date.now()) / 1000));
    const text = find("[data-text]", banner);
    text.textContent = text.dataset.text.replace("{time}", clock(connection.lastAnswer)).replace("{pause}", pause);
    banner.hidden = false;
  };

  const serverBack = (id) => {
    connection.away = new Set([...connection.away].filter((one) => one && one !== id && document.getElementById(one)));
    if (isAway()) return;
    Object.assign(connection, { pauses: 0, nextTry: 0, asked: false });
    delete document.body.dataset.offline;
    find("#connection")?.setAttribute("hidden", "");
  };

  const isTrue = () => { // what the page shows has just been asked for
    connection.lastAnswer = Date.now();
    findAll("[data-updated]").forEach((element) => { element.textContent = clock(connection.lastAnswer); });
  };

  const pollNow = () => {
    Object.assign(connection, { asked: true, nextTry: Date.now() + POLL_TIMEOUT + 1000, trying: true });
    document.dispatchEvent(new Event("visibilitychange")); // every poll listens to it
    connection.trying = false;
    if (!find("[data-poll]")) ping();
  };

  const ping = () => {
    const address = document.body.dataset.ping;
    if (!address) return;
    connection.pingAt = Date.now() + PING_PAUSE;
    fetch(address, { cache: "no-store", signal: AbortSignal.timeout(POLL_TIMEOUT) }).then(
      (answer) => (answer.status >= 500 ? serverAway("") : serverBack("")),
      () => isLeaving() || serverAway(""),
    );
  };

  const isGone = (status) => [502, 503, 504].includes(status);

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
    if (isGone(xhr.status) || (isPoll(elt) && xhr.status >= 500)) return serverAway(isPoll(elt) ? elt.id : "");
    if (!isPoll(elt) || !successful) return;
    setSkew(xhr.getResponseHeader("Date"));
    if (elt.dataset.poll !== "shell") isTrue();
    serverBack(elt.id);
  });
  on("htmx:responseError", (event) => {
    const { xhr, elt } = event.detail;
    if (xhr.status === 401) signIn();
    else if (!isPoll(elt)) toast(document.body.dataset.failed);
    else if (xhr.status < 500) location.reload(); // what the page shows is gone or no longer ours: let the server say so
  });
  let leaving = 0; // requests that end because the page is left are no sign of trouble
  const isLeaving = () => Date.now() - leaving < 3000;
  addEventListener("beforeunload", () => { leaving = Date.now(); });
  ["htmx:sendError", "htmx:timeout"].forEach((type) => on(type, ({ detail: { elt } }) => {
    if (!isLeaving()) serverAway(isPoll(elt) ? elt.id : "");
  }));

  // --- every second: clocks go on, except while nobody knows; the server is looked for -------------------
  let skew = 0; // milliseconds that the server's clock is ahead of this one
  const setSkew = (date) => {
    const fresh = Date.parse(date) - Date.now();
    if (Math.abs(fresh - skew) > 2000) skew = fresh; // the header counts whole seconds
  };
  const tellClocks = () => findAll("[data-since]").forEach((element) => {
    element.textContent = inWords(Date.now() + skew - Date.parse(element.dataset.since));
  });
  const tick = () => {
    if (document.hidden) return;
    if (isAway()) {
      tellAway();
      if (Date.now() >= connection.nextTry) pollNow();
      return;
    }
    tellClocks();
    if (!find("[data-poll]") && Date.now() >= connection.pingAt) ping();
  };
  setInterval(tick, 1000);
  on("visibilitychange", () => {
    if (!document.hidden && !connection.trying && isAway()) pollNow();
  });
  addEventListener("pageshow", (event) => event.persisted && pollNow()); // came back by the Back button

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
    (name === "value" && element.matches("input, textarea") && element.value !== element.defaultValue) ||
    (name === "selected" && element.selected !== element.defaultSelected) ||
    (name === "open" && (touched.has(element) || element.matches("dialog")));
  on("click", (event) => {
    const summary = event.target.closest("summary");
    if (summary) touched.add(summary.parentElement);
  });
  const isKept = (element, fresh) => element.dataset?.keep !== undefined && element.dataset.keep === fresh.dataset?.keep;
  Idiomorph.defaults.ignoreActiveValue = true;
  Idiomorph.defaults.callbacks.beforeNodeMorphed = (element, fresh) => !isKept(element, fresh);
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
    if (event.target.closest("[data-dismiss]")) {
      event.preventDefault();
      event.target.closest(".strip").remove();
      find("#main").focus();
    }
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

  // --- tabs: on a narrow screen the one that is open may lie outside of their strip --------------------------------
  const showTab = (strip) => {
    const tab = find("[aria-current]", strip)?.getBoundingClientRect();
    if (!tab) return;
    const box = strip.getBoundingClientRect();
    strip.scrollLeft += tab.left + tab.width / 2 - box.left - box.width / 2; // scrollIntoView would move the page, too
  };

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
  setSkew(document.body.dataset.now);
  connection.pingAt = Date.now() + PING_PAUSE;
  findAll("nav.tabs").forEach(showTab);
  syncBulk();
  openNewDialogs();
})();
