// What pages do beyond forms and links. Every job works without it.
"use strict";

// A refusal is read first.
const refused = document.getElementById("refused");
if (refused) refused.focus();

// One menu open at a time, and Escape closes it.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// A form is sent once, and no fresher page comes in its way.
let isSending = false;
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  isSending = true;
});
for (const name of ["htmx:beforeRequest", "htmx:beforeOnLoad"]) {
  document.addEventListener(name, (event) => { if (isSending) event.preventDefault(); });
}
window.addEventListener("pageshow", () => {
  isSending = false;
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// A one-time link has its token in the fragment, which browsers send to nobody.
const join = document.querySelector("form[data-join]");
if (join && location.hash.length > 1) {
  join.elements.token.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  join.requestSubmit();
}

// Passkeys (WebAuthn) need a script in every browser.
const signIn = document.querySelector("[data-passkey-sign-in]");
if (signIn && window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON) {
  signIn.hidden = false;
  signIn.addEventListener("click", async () => {
    const form = signIn.form;
    const institution = form.elements.institution ? form.elements.institution.value : null;
    const post = async (path, order) => {
      const answer = await fetch(path, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(order),
      });
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.json();
    };
    try {
      const asked = await post("/v1/sign-in/passkey/options", { institution });
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked.options.publicKey || asked.options);
      const credential = await navigator.credentials.get({ publicKey });
      await post("/v1/sign-in/passkey", { institution, challenge: asked.challenge, credential: credential.toJSON() });
      location.assign(form.elements.next.value);
    } catch {
      form.querySelector("[data-passkey-problem]").hidden = false;
    }
  });
}
