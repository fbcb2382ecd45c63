// Keeps the page as the server would make it now. Without it the page is the same, and stands still.
"use strict";

// morph makes an element like another one, and touches only what differs, so that focus, selection and what was
// unfolded stay.
function morph(old, next) {
  if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName) {
    old.replaceWith(next);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  if (old === document.activeElement && old.nodeName === "INPUT") return;
  for (const a of [...old.attributes]) if (!next.hasAttribute(a.name)) old.removeAttribute(a.name);
  for (const a of next.attributes) if (old.getAttribute(a.name) !== a.value) old.setAttribute(a.name, a.value);
  const from = [...old.childNodes], to = [...next.childNodes];
  to.forEach((child, i) => (i < from.length ? morph(from[i], child) : old.append(child)));
  from.slice(to.length).forEach((child) => child.remove());
}

// fill gives an element other content. The text is the server's own page, in which everything is escaped.
function fill(element, html) {
  const next = element.cloneNode(false);
  next.innerHTML = html;
  morph(element, next);
}

const main = document.getElementById("live");
const link = document.getElementById("link");

function say(state, text) {
  link.dataset.state = state;
  link.textContent = text;
}

const source = new EventSource("/api/stream" + location.search);
source.onopen = () => say("on", "Live");
source.onerror = () => say("lost", "The balancer does not answer; this is what was known last.");
source.onmessage = (event) => {
  const news = JSON.parse(event.data);
  if (news.whole) fill(main, news.whole);
  for (const [key, html] of Object.entries(news.parts || {})) {
    const part = main.querySelector(`[data-part="${CSS.escape(key)}"]`);
    if (part) fill(part, html);
  }
  main.dataset.news = Number(main.dataset.news || 0) + 1;
};
addEventListener("pagehide", () => source.close());
