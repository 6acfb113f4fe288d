// Asks for a passkey, or makes one, and sends the answer with the form of the page. Where the browser knows no passkeys, what offers
// them stays hidden. Everything else works without this script.
"use strict";
(() => {
  const known = typeof window.PublicKeyCredential === "function" && navigator.credentials;
  for (const offer of document.querySelectorAll("[data-passkey-offer]")) offer.hidden = !known;
  const form = document.getElementById("passkey");
  if (!form) return;
  const status = document.getElementById("passkey-status");
  const button = document.getElementById("passkey-go");
  const making = form.dataset.passkey === "new";

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  // What browsers do by themselves that know WebAuthn's third level.
  const read = (options) => {
    const parse = making ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
    if (window.PublicKeyCredential[parse]) return window.PublicKeyCredential[parse](options);
    const list = (all) => (all || []).map((one) => ({ ...one, id: bytes(one.id) }));
    const parsed = { ...options, challenge: bytes(options.challenge) };
    if (options.user) parsed.user = { ...options.user, id: bytes(options.user.id) };
    if (options.excludeCredentials) parsed.excludeCredentials = list(options.excludeCredentials);
    if (options.allowCredentials) parsed.allowCredentials = list(options.allowCredentials);
    return parsed;
  };
  const written = (made) => {
    if (made.toJSON) return made.toJSON();
    const response = { clientDataJSON: text(made.response.clientDataJSON) };
    if (made.response.attestationObject) {
      response.attestationObject = text(made.response.attestationObject);
      response.transports = made.response.getTransports ? made.response.getTransports() : [];
    } else {
      response.authenticatorData = text(made.response.authenticatorData);
      response.signature = text(made.response.signature);
      if (made.response.userHandle) response.userHandle = text(made.response.userHandle);
    }
    return { id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: made.getClientExtensionResults() };
  };

  const ask = async () => {
    status.textContent = "Waiting for your device.";
    button.hidden = true;
    try {
      const options = JSON.parse(form.dataset.options);
      const request = { publicKey: read(options.publicKey || options) };
      const made = await (making ? navigator.credentials.create(request) : navigator.credentials.get(request));
      form.elements.credential.value = JSON.stringify(written(made));
      form.submit();
    } catch (error) {
      button.hidden = false;
      status.textContent =
        error.name === "InvalidStateError" ? "This device keeps a passkey of yours already."
        : error.name === "SecurityError" ? "Passkeys do not work under this address."
        : "Nothing came from your device. Try again, or go back.";
    }
  };
  if (!known) {
    status.textContent = "This browser knows no passkeys. Go back and choose another way.";
    return;
  }
  form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  ask();
})();
