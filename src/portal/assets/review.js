// The review queue works without this script. With it, each decision has a key. Keys are heard nowhere but on this page, never while
// somebody types into a field, and can be switched off, which this browser remembers (WCAG 2.1.4).
"use strict";
(() => {
  const OFF = "beadle.keys";
  const remembered = () => { try { return localStorage.getItem(OFF) !== "off"; } catch { return true; } };
  const remember = (on) => { try { localStorage.setItem(OFF, on ? "on" : "off"); } catch { /* it holds for this page only */ } };
  const status = document.getElementById("review-status");
  const say = (text) => { if (status) status.textContent = text || ""; };
  let on = remembered();
  let group = null; // whose choices the next key is one of
  let asked = null; // the button that Enter is to confirm
  let sent = false;

  const show = () => {
    for (const key of document.querySelectorAll("kbd")) if (!key.closest("th")) key.hidden = !on;
    for (const e of document.querySelectorAll("[data-key]")) {
      if (on) e.setAttribute("aria-keyshortcuts", e.dataset.key); else e.removeAttribute("aria-keyshortcuts");
    }
    const toggle = document.getElementById("keys-switch");
    if (toggle) toggle.textContent = on ? "Turn the keys off" : "Turn the keys on";
  };

  const leave = () => {
    if (group && group.tagName === "DETAILS") group.open = false;
    if (asked) {
      const box = asked.form.querySelector("input[type=checkbox]");
      if (box) box.checked = false;
      asked.blur();
    }
    group = asked = null;
    say("");
  };

  const enter = (e) => {
    leave();
    group = e;
    if (e.tagName === "DETAILS") e.open = true;
    const first = e.querySelector("[data-first]");
    const ready = e.querySelector("[data-pick]");
    const focus = e.querySelector("summary") || e.querySelector("[tabindex]");
    if (first && !ready) first.focus(); else if (focus) focus.focus();
    e.scrollIntoView({ block: "nearest" });
    say(e.dataset.says);
  };

  const press = (e) => {
    const box = e.form && e.form.querySelector("input[type=checkbox][required]");
    if (box && !box.checked) {
      leave();
      box.checked = true;
      asked = e;
      e.focus();
      say(e.dataset.says);
      return;
    }
    if (e.tagName === "SELECT" || e.tagName === "INPUT") { e.focus(); return; }
    sent = true;
    e.click();
  };

  const isField = (e) => e.isContentEditable || e.tagName === "TEXTAREA" || e.tagName === "SELECT" ||
    (e.tagName === "INPUT" && !["checkbox", "radio", "button", "submit"].includes(e.type));
  const usable = (e) => e && !e.disabled && e.getClientRects().length > 0;
  const find = (within, name, key) => [...within.querySelectorAll(`[data-${name}]`)].find((e) => e.dataset[name] === key);

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && (group || asked)) { leave(); return; }
    if (!on || sent || event.repeat || event.ctrlKey || event.altKey || event.metaKey || isField(event.target)) return;
    if (event.key.length !== 1 || event.key === " ") return;
    const key = event.key.toLowerCase();
    const picked = group && find(group, "pick", key);
    const button = picked || find(document, "key", key);
    if (usable(button)) {
      event.preventDefault();
      press(button);
      return;
    }
    const opened = find(document, "group", key);
    if (opened && !opened.hidden) {
      event.preventDefault();
      enter(opened);
    }
  });
  // Whoever goes elsewhere with the tabulator or the mouse has left the choices.
  document.addEventListener("focusin", (event) => {
    if (group && !group.contains(event.target)) group = null;
  });

  const keys = document.getElementById("keys");
  const toggle = document.getElementById("keys-switch");
  if (keys) keys.hidden = false;
  if (toggle) toggle.addEventListener("click", () => { on = !on; remember(on); leave(); show(); if (keys) keys.open = true; toggle.focus(); });
  show();

  // Back in the browser's history the page may be drawn from memory, with a decision on its way.
  window.addEventListener("pageshow", () => { sent = false; });
})();
