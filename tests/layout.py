"""Looks at the layout of a page in a real Chromium: what is wider than its container, or lies over something else."""

from __future__ import annotations

from playwright.sync_api import Page

# Everything here is measured in CSS pixels; two are for rounding and for glyphs that reach out of their line.
_FAULTS = """() => {
  const SLACK = 2, faults = [];
  const root = document.documentElement;
  const named = (element) => {
    const id = element.id ? `#${element.id}` : "";
    const classes = [...element.classList].map((word) => `.${word}`).join("");
    return `${element.localName}${id}${classes} “${element.textContent.replace(/\\s+/g, " ").trim().slice(0, 40)}”`;
  };
  const scrolls = (element) => ["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(element).overflowX);
  const isOut = (element) => element.closest(".sr-only, [popover], [role=tooltip], option, svg, .skip") !== null;
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const around = (element) => { // the part of the page that is seen through all the boxes that cut it off
    let box = { left: 0, right: innerWidth, top: -1e6, bottom: 1e6 };
    for (let e = element; e; e = e.parentElement) {
      if (!scrolls(e) || e === root || e === document.body) continue;
      const r = e.getBoundingClientRect();
      box = { left: Math.max(box.left, r.left), right: Math.min(box.right, r.right),
              top: Math.max(box.top, r.top), bottom: Math.min(box.bottom, r.bottom) };
    }
    return box;
  };
  if (root.scrollWidth > innerWidth) faults.push(`the page is ${root.scrollWidth} wide`);

  // Content that is wider than a box that neither scrolls nor shortens it, or that one cannot scroll to.
  for (const element of document.querySelectorAll("body *")) {
    if (isOut(element) || !isSeen(element) || element.clientWidth <= 1) continue;
    const style = getComputedStyle(element);
    if (element.scrollWidth <= element.clientWidth + SLACK || style.display.startsWith("inline")) continue;
    if (["auto", "scroll"].includes(style.overflowX) || style.textOverflow === "ellipsis") continue;
    if (element.closest("pre, input, textarea, select") || element.matches(".flow > li, .mark")) continue;
    faults.push(`${named(element)} holds ${element.scrollWidth} in ${element.clientWidth}`);
  }

  // Words of one sentence that a flexible box sets apart, each in a column of its own.
  for (const element of document.querySelectorAll("dd, p, td, li, h1, h2, h3, .sub, .text")) {
    const style = getComputedStyle(element);
    if (!isSeen(element) || !style.display.endsWith("flex") || !style.flexDirection.startsWith("row")) continue;
    const words = (node) => node.textContent.trim() !== "" && !(node instanceof Element && isOut(node));
    const loose = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && words(node));
    if (loose && [...element.children].some(words)) faults.push(`${named(element)} is torn apart`);
  }

  // Lines of text that lie over each other.
  const lines = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || isOut(element) || !isSeen(element)) continue;
    if (element.closest("dialog:not([open]), textarea, .bulk, thead, .shell, .wizard-foot, .toasts")) continue;
    const box = around(element), range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) {
      const line = { left: Math.max(r.left, box.left), right: Math.min(r.right, box.right),
                     top: Math.max(r.top, box.top), bottom: Math.min(r.bottom, box.bottom), element };
      if (line.right - line.left > SLACK && line.bottom - line.top > SLACK) lines.push(line);
    }
  }
  const inDialog = (line) => line.element.closest("dialog[open]");
  lines.sort((a, b) => a.top - b.top);
  for (let i = 0; i < lines.length && faults.length < 20; i++) {
    for (let j = i + 1; j < lines.length && lines[j].top < lines[i].bottom - 5; j++) {
      const a = lines[i], b = lines[j];
      if (a.element === b.element || !inDialog(a) !== !inDialog(b)) continue;
      const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (width > SLACK && height > 5) faults.push(`${named(a.element)} lies over ${named(b.element)}`);
    }
  }
  return faults;
}"""


def layout_faults(page: Page) -> list[str]:
    """Return what is wrong with the layout of the page that is shown."""
    faults: list[str] = page.evaluate(_FAULTS)
    return faults
