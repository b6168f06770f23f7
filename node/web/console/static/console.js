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
const post = async (path, order, headers = {}) => {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(order),
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
};
const go = async (form, ask) => {
  const problem = form.querySelector("[data-passkey-problem]");
  problem.hidden = true;
  try {
    location.assign(await ask(form.elements));
  } catch {
    problem.hidden = false;
  }
};
const signIn = document.querySelector("[data-passkey-sign-in]");
if (signIn && window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON) {
  signIn.hidden = false;
  // A click, not the form's submission: that wants the password.
  signIn.addEventListener("click", () => go(signIn.form, async (fields) => {
    const institution = fields.institution ? fields.institution.value : null;
    const asked = await post("/v1/sign-in/passkey/options", { institution });
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked.options.publicKey || asked.options);
    const credential = await navigator.credentials.get({ publicKey });
    await post("/v1/sign-in/passkey", { institution, challenge: asked.challenge, credential: credential.toJSON() });
    return fields.next.value;
  }));
}
const makePasskey = async (fields) => {
  const headers = { "X-CSRF-Token": fields.csrf_token.value, "Idempotency-Key": fields.once.value };
  const asked = await post("/v1/me/passkeys/options", {}, headers);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(asked.options.publicKey || asked.options);
  const credential = await navigator.credentials.create({ publicKey });
  const order = { challenge: asked.challenge, credential: credential.toJSON(), name: fields.name.value.trim() };
  await post("/v1/me/passkeys", order, headers);
  return "/account?done=passkey_made";
};
const addPasskey = document.querySelector("[data-passkey-add]");
if (addPasskey && window.PublicKeyCredential && PublicKeyCredential.parseCreationOptionsFromJSON) {
  addPasskey.hidden = false;
  addPasskey.addEventListener("submit", (event) => {
    event.preventDefault();
    go(addPasskey, makePasskey);
  });
}
