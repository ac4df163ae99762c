"use strict";

const SAYINGS = {
  fr: {
    other: "English",
    title: "Message sécurisé",
    how: "Ce message est chiffré. L’expéditeur vous donne le mot de passe par une autre voie, par exemple au téléphone.",
    password: "Mot de passe",
    shape: "Cinq groupes de cinq chiffres ; les tirets et les espaces n’ont pas d’importance.",
    open: "Ouvrir le message",
    opening: "Déchiffrement en cours…",
    wrong: "Ce mot de passe n’ouvre pas le message. Vérifiez chaque chiffre, puis essayez de nouveau. Si cela ne suffit pas, le fichier a pu être abîmé : demandez à l’expéditeur de l’envoyer de nouveau.",
    old: "Ce navigateur ne sait pas déchiffrer ce message. Enregistrez le fichier, puis ouvrez-le dans une version récente de Firefox, Chrome, Edge ou Safari.",
    from: "De",
    nothing: "Message sans objet",
    enclosed: "Pièces jointes",
    care: "Un fichier téléchargé n’est plus chiffré : rangez-le en lieu sûr.",
    download: "Télécharger",
    local: "Tout se passe sur votre appareil : cette page n’envoie ni ne reçoit rien.",
    units: ["octets", "Ko", "Mo"],
  },
  en: {
    other: "Français",
    title: "Secure message",
    how: "This message is encrypted. The sender gives you the password by another way, such as the telephone.",
    password: "Password",
    shape: "Five groups of five digits; hyphens and spaces do not matter.",
    open: "Open the message",
    opening: "Decrypting…",
    wrong: "This password does not open the message. Check each digit, then try again. If that does not help, the file may be damaged: ask the sender to send it again.",
    old: "This browser cannot decrypt the message. Save the file, then open it in a recent Firefox, Chrome, Edge or Safari.",
    from: "From",
    nothing: "Message without a subject",
    enclosed: "Attachments",
    care: "A downloaded file is no longer encrypted: keep it in a safe place.",
    download: "Download",
    local: "Everything happens on your device: this page sends and receives nothing.",
    units: ["bytes", "kB", "MB"],
  },
};

const at = (id) => document.getElementById(id);
let language = navigator.language.toLowerCase().startsWith("fr") ? "fr" : "en";
let failure = "";
let opened = null;

/** Writes every text of the page in the language that was chosen; texts of the message stay as they are. */
function speak() {
  const says = SAYINGS[language];
  document.documentElement.lang = language;
  document.title = opened ? opened.subject || says.nothing : says.title;
  document.querySelectorAll("[data-say]").forEach((place) => {
    place.textContent = says[place.dataset.say];
  });
  at("language").textContent = says.other;
  at("language").lang = language === "fr" ? "en" : "fr";
  at("wrong").textContent = failure && says[failure];
  if (opened) show(opened, says);
}

function show(message, says) {
  const date = new Date(message.date).toLocaleString(language, { dateStyle: "long", timeStyle: "short" });
  at("subject").textContent = message.subject || says.nothing;
  at("from").textContent = `${says.from} ${message.from}, ${date}`;
  at("text").textContent = message.text;
  at("enclosed").hidden = message.files.length === 0;
  at("files").replaceChildren(...message.files.map((file) => row(file, says)));
}

function row(file, says) {
  const name = document.createElement("span");
  name.textContent = `${file.name} (${size(file.size, says.units)})`;
  const link = document.createElement("a");
  link.textContent = says.download;
  link.setAttribute("aria-label", `${says.download} ${file.name}`);
  link.download = file.name;
  link.href = file.place;
  const item = document.createElement("li");
  item.append(name, link);
  return item;
}

function size(octets, units) {
  const power = octets < 1000 ? 0 : octets < 1e6 ? 1 : 2;
  const amount = (octets / 1000 ** power).toLocaleString(language, { maximumFractionDigits: 1 });
  return `${amount} ${units[power]}`;
}

/** Base64, decoded piece by piece: one string of the whole would take its size once more. */
function decode(text) {
  const octets = new Uint8Array((text.length / 4) * 3);
  let end = 0;
  for (let start = 0; start < text.length; start += 65536) {
    const piece = atob(text.slice(start, start + 65536));
    for (let index = 0; index < piece.length; index += 1) octets[end++] = piece.charCodeAt(index);
  }
  return octets.subarray(0, end);
}

/** The password as it was made, however the digits were grouped when it was typed. */
function canonical(typed) {
  const digits = typed.replace(/\D/g, "");
  return digits.length === 25 ? digits.match(/.{5}/g).join("-") : typed.trim();
}

/** An error for any other password, and for a page in which anything was changed: AES-GCM tells no more (NIST SP 800-38D). */
async function decrypt(password) {
  const utf8 = new TextEncoder();
  const parameters = at("parameters").textContent;
  const { rounds, salt, nonce } = JSON.parse(parameters);
  const secret = await crypto.subtle.importKey("raw", utf8.encode(password), "PBKDF2", false, ["deriveKey"]);
  const derivation = { name: "PBKDF2", hash: "SHA-256", salt: decode(salt), iterations: rounds };
  const key = await crypto.subtle.deriveKey(derivation, secret, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
  const cipher = { name: "AES-GCM", iv: decode(nonce), additionalData: utf8.encode(parameters) };
  return crypto.subtle.decrypt(cipher, key, decode(at("content").textContent));
}

/** Four octets of length, the description in JSON, then the files one behind the other. */
function unpack(plain) {
  const length = new DataView(plain).getUint32(0);
  const message = JSON.parse(new TextDecoder().decode(new Uint8Array(plain, 4, length)));
  let start = 4 + length;
  for (const file of message.files) {
    // No type of its own: a browser saves it and never shows it as a page.
    const content = new Blob([new Uint8Array(plain, start, file.size)], { type: "application/octet-stream" });
    file.place = URL.createObjectURL(content);
    start += file.size;
  }
  return message;
}

async function enter(event) {
  event.preventDefault();
  const says = SAYINGS[language];
  failure = "";
  at("wrong").textContent = "";
  at("progress").textContent = says.opening;
  at("open").disabled = true;
  try {
    opened = unpack(await decrypt(canonical(at("password").value)));
    at("password").value = "";
    at("door").hidden = true;
    at("message").hidden = false;
    speak();
    at("subject").focus();
  } catch {
    failure = "wrong";
    at("wrong").textContent = says.wrong;
    at("password").focus();
    at("password").select();
  } finally {
    at("progress").textContent = "";
    at("open").disabled = false;
  }
}

at("language").addEventListener("click", () => {
  language = language === "fr" ? "en" : "fr";
  speak();
});
at("door").addEventListener("submit", enter);
document.querySelectorAll("header > button, #door, footer").forEach((place) => {
  place.hidden = false;
});
if (!globalThis.crypto?.subtle) {
  failure = "old";
  at("open").disabled = true;
}
speak();
at("password").focus();
