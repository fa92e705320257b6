// A picture of the visitor's: its class, and the pictures most alike to it.

const SHARES = 10;
const COARSE = 64; // pixels a side below which they are shown as squares

const element = (id) => document.getElementById(id);

export function startLooking(about, asked) {
  let current = null; // what is being asked, so that a later picture puts an earlier one off
  let preview = null;

  element("file").addEventListener("change", (event) => {
    const [file] = event.target.files;
    event.target.value = ""; // the same file may be chosen again
    if (file) lookAtFile(file);
  });
  takeDrops((file) => (file ? lookAtFile(file) : tell("That was no picture file.", true)));
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (file && !element("looking").hidden) lookAtFile(file);
  });

  function lookAtFile(file) {
    show(URL.createObjectURL(file), file.name);
    if (file.size > about.limits.upload_bytes) {
      refuse(`${file.name} has ${megabytes(file.size)}; ${megabytes(about.limits.upload_bytes)} are the most that is taken: make it smaller.`);
      return;
    }
    const type = file.type || "application/octet-stream";
    look("/api/look", { method: "POST", body: file, headers: { "Content-Type": type } });
  }

  function lookAtHit(hit) {
    show(`/api/pictures/${hit.number}`, hit.name);
    look(`/api/pictures/${hit.number}/look`, {});
    element("ask").scrollIntoView({ block: "nearest" });
    element("file").focus({ preventScroll: true });
  }

  // Say what is wrong, whatever is being asked: no answer may come after it.
  function refuse(sentence) {
    current?.abort();
    current = null;
    element("looking").removeAttribute("aria-busy");
    clear();
    tell(sentence, true);
  }

  async function look(address, options) {
    current?.abort();
    const mine = (current = new AbortController());
    element("looking").setAttribute("aria-busy", "true");
    tell("Looking …");
    try {
      const answer = await (await asked(address, { ...options, signal: mine.signal })).json();
      if (mine !== current) return; // another picture is being looked at
      showVerdict(answer.model, about.model);
      showHits(answer.hits, about.index, lookAtHit);
      tell(summary(answer));
    } catch (error) {
      if (mine === current) refuse(error.message);
    } finally {
      if (mine === current) element("looking").removeAttribute("aria-busy");
    }
  }

  function show(address, name) {
    if (preview?.startsWith("blob:")) URL.revokeObjectURL(preview);
    preview = address;
    const image = element("shown");
    image.onload = () => image.classList.toggle("coarse", isCoarse(image));
    image.onerror = () => (image.hidden = true); // TIFF, say: the server reads it all the same
    image.hidden = false;
    image.alt = `The picture that is looked at: ${name}`;
    image.src = address;
    element("shown-name").textContent = name;
    element("query").hidden = false;
  }
}

function takeDrops(take) {
  const page = document.documentElement;
  const looking = () => !element("looking").hidden;
  let depth = 0; // entering an element inside comes before leaving the one around it
  const drag = (change) => {
    depth = change === 0 ? 0 : Math.max(0, depth + change);
    page.classList.toggle("dragging", depth > 0 && looking());
  };
  page.addEventListener("dragenter", () => drag(1));
  page.addEventListener("dragleave", () => drag(-1));
  page.addEventListener("dragover", (event) => event.preventDefault());
  page.addEventListener("drop", (event) => {
    event.preventDefault(); // or the browser would leave the page for the picture
    drag(0);
    if (looking()) take(event.dataTransfer.files[0]);
  });
}

function showVerdict(found, about) {
  element("verdict").hidden = !found;
  if (!found) return;
  element("target").textContent = about.target;
  element("answer").textContent =
    typeof found.answer === "number" ? found.answer.toPrecision(4) : found.answer;
  const shares = found.shares ?? [];
  element("shares").hidden = shares.length === 0;
  element("shares").replaceChildren(
    ...shares.slice(0, SHARES).map((one) => {
      const bar = create("div", "bar", create("span"));
      bar.firstChild.style.width = `${100 * one.share}%`;
      bar.setAttribute("aria-hidden", "true");
      const line = create("li", one.class === found.answer ? "chosen" : "");
      line.append(create("span", "", one.class), bar, create("span", "share", percent(one.share)));
      return line;
    }),
  );
  const others = shares.length - SHARES;
  element("more-shares").hidden = others <= 0;
  element("more-shares").textContent = `and ${others.toLocaleString("en")} less likely ones`;
}

function showHits(hits, about, choose) {
  element("alike").hidden = !hits;
  if (!hits) return;
  element("hits").replaceChildren(
    ...hits.map((hit) => {
      const image = create("img");
      image.alt = "";
      image.onload = () => image.classList.toggle("coarse", isCoarse(image));
      image.onerror = () => image.replaceWith(create("span", "gone", "not there"));
      image.src = `/api/pictures/${hit.number}`;
      const value = create("span", "kernel", hit.kernel.toFixed(4));
      const line = create("span", "line", create("b", "", hit.class ?? `${hit.rank}`), value);
      const button = create("button", "", image, line, create("span", "name", hit.name));
      button.type = "button";
      button.title = `Look at ${hit.name}`;
      button.addEventListener("click", () => choose(hit));
      return create("li", "", button);
    }),
  );
  const among = about.pictures.toLocaleString("en");
  const unfinished = about.complete ? "" : "; the index is not finished";
  element("hits-note").textContent =
    `Of ${among} pictures, by the kernel ${about.kernel} of unit vectors${unfinished}. ` +
    "Choose one to look at it in turn.";
}

function summary(answer) {
  const parts = [];
  if (answer.model) {
    const best = answer.model.shares?.find((one) => one.class === answer.model.answer);
    parts.push(`${element("answer").textContent}${best ? `, ${percent(best.share)}` : ""}`);
  }
  if (answer.hits) {
    const number = answer.hits.length;
    parts.push(number === 1 ? "1 picture alike" : `${number} pictures alike`);
  }
  return `${parts.join("; ")}.`;
}

function clear() {
  element("verdict").hidden = element("alike").hidden = true;
}

function tell(text, wrong = false) {
  const status = element("looking-status");
  status.textContent = text;
  status.classList.toggle("wrong", wrong);
}

function create(tag, name = "", ...content) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...content);
  return made;
}

const isCoarse = (image) => Math.max(image.naturalWidth, image.naturalHeight) <= COARSE;
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
