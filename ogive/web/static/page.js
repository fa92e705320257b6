// The page: what there is to do, and the tabs between.

import { startGenerating } from "./generating.js";
import { startLooking } from "./looking.js";

const element = (id) => document.getElementById(id);

try {
  const about = await (await asked("/api/about")).json();
  element("title").textContent = about.title === "Ogive" ? "" : about.title;
  document.title = about.title === "Ogive" ? "Ogive" : `${about.title} · Ogive`;
  const names = [];
  if (about.model || about.index) {
    startLooking(about, asked);
    names.push("looking");
  }
  if (about.generator) {
    startGenerating(about, asked);
    names.push("generating");
  }
  showTabs(names);
} catch (error) {
  element("failure").textContent = error.message;
  element("failure").hidden = false;
}

// Fetch, and turn a refusal into an error whose message is for people.
async function asked(address, options = {}) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer: is ogive serve still running?");
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  throw new Error(answer.detail ?? `The server answered ${response.status}.`);
}

// One panel is shown plainly; of several, one at a time, chosen as in any list of tabs.
function showTabs(names) {
  const tabs = names.map((name) => element(`${name}-tab`));
  const select = (chosen) => {
    names.forEach((name, place) => {
      element(name).hidden = place !== chosen;
      tabs[place].setAttribute("aria-selected", place === chosen);
      tabs[place].tabIndex = place === chosen ? 0 : -1;
    });
  };
  if (names.length === 1) {
    element(names[0]).removeAttribute("role");
    element(names[0]).hidden = false;
    return;
  }
  element("tabs").hidden = false;
  select(0);
  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => select(place));
    tab.addEventListener("keydown", (event) => {
      const last = tabs.length - 1;
      const next = {
        ArrowRight: place === last ? 0 : place + 1,
        ArrowLeft: place === 0 ? last : place - 1,
        Home: 0,
        End: last,
      }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      select(next);
      tabs[next].focus();
    });
  });
}
