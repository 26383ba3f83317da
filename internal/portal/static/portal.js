// What the pages do beside htmx. Every page works without it.
"use strict";

// Move the focus to the mistakes of a form, so that a screen reader reads them first.
const focusMistakes = () => document.getElementById("mistakes")?.focus();
document.addEventListener("DOMContentLoaded", focusMistakes);

// A hand scanner types a UDI and then Enter, which must not send the form.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target instanceof HTMLInputElement && event.target.name.endsWith("-udi")) {
    event.preventDefault();
  }
});

// A second click on a button of a form that is being sent does nothing.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) {
    event.preventDefault();
  }
  event.target.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form").forEach((form) => { delete form.dataset.sent; });
});
