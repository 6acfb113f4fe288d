"use strict";
// What was decided leaves in a moment; then there is nothing to take back.
const last = document.querySelector("[data-leaves]");
if (last) {
  const until = Date.now() + Number(last.dataset.leaves) * 1000;
  const timer = setInterval(() => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left > 0) { last.querySelector(".review-seconds").textContent = String(left); return; }
    clearInterval(timer);
    last.querySelector(".review-leaves").textContent = "It is on its way.";
    const form = last.querySelector("form");
    if (form && !form.contains(document.activeElement)) form.hidden = true;
  }, 1000);
}
