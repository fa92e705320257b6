// New pictures: an order, and the sheet that answers it.

const element = (id) => document.getElementById(id);

export function startGenerating(about, asked) {
  const { classes, usual } = about.generator;
  const field = (name) => element(name).valueAsNumber;
  let sheet = null;
  let working = false;

  for (const name of ["count", "steps", "seed"]) {
    element(name).max = about.limits[name];
    element(name).value = usual[name];
  }
  element("class-field").hidden = classes.length === 0;
  element("class").append(new Option("all", ""), ...classes.map((name, place) => new Option(name, place)));

  element("order").addEventListener("submit", (event) => {
    event.preventDefault();
    generate();
  });
  element("another").addEventListener("click", () => {
    if (working || !element("order").reportValidity()) return;
    element("seed").valueAsNumber = (field("seed") + 1) % (about.limits.seed + 1);
    generate();
  });

  async function generate() {
    if (working) return;
    const chosen = element("class").value;
    const order = { count: field("count"), steps: field("steps"), seed: field("seed") };
    if (chosen !== "") order.class = classes[Number(chosen)];
    working = busy(true);
    tell(`Making ${pictures(order)} …`);
    try {
      const response = await asked("/api/generate", {
        method: "POST",
        body: JSON.stringify(order),
        headers: { "Content-Type": "application/json" },
      });
      show(await response.blob(), order);
      tell(`${pictures(order)}, seed ${order.seed}, ${order.steps} steps.`);
    } catch (error) {
      element("made").hidden = true;
      tell(error.message, true);
    } finally {
      working = busy(false);
    }
  }

  function show(blob, order) {
    if (sheet) URL.revokeObjectURL(sheet);
    sheet = URL.createObjectURL(blob);
    element("sheet").src = sheet;
    element("sheet").alt = pictures(order);
    const link = element("download");
    link.href = sheet;
    const words = `${order.class ?? "pictures"} seed ${order.seed}`.match(/[\p{L}\p{N}]+/gu);
    link.download = `${words.join("-")}.png`;
    element("made").hidden = false;
  }
}

function busy(on) {
  element("generating").setAttribute("aria-busy", on);
  // Not disabled, which would take the focus away from who works by keyboard.
  for (const button of element("order").querySelectorAll("button")) {
    button.setAttribute("aria-disabled", on);
  }
  return on;
}

function tell(text, wrong = false) {
  const status = element("generating-status");
  status.textContent = text;
  status.classList.toggle("wrong", wrong);
}

function pictures(order) {
  const number = order.count === 1 ? "1 picture" : `${order.count} pictures`;
  return order.class === undefined ? number : `${number} of ${order.class}`;
}
