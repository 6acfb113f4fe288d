// The form works without this script. With it, whoever likes can have the browser write down where they are.
"use strict";
(() => {
  const button = document.getElementById("use-position");
  const field = document.getElementById("position");
  const status = document.getElementById("position-status");
  if (!button || !field || !status || !("geolocation" in navigator) || !window.isSecureContext) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    status.textContent = "…";
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        field.value = `${coords.latitude.toFixed(5)}, ${coords.longitude.toFixed(5)}`;
        status.textContent = field.value;
      },
      () => { status.textContent = button.dataset.failed; },
      { enableHighAccuracy: true, timeout: 20000, maximumAge: 60000 },
    );
  });
})();
