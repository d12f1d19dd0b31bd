import { Billocr, BillocrError } from "./billocr.js";

const SHOWN = { company: "Merchant", address: "Address", date: "Date", total: "Total", vat_id: "VAT number" };
const SAVED = { text: "Text", json: "JSON", xlsx: "Excel", pdf: "Searchable PDF" };

const client = new Billocr();
const find = (selector) => document.querySelector(selector);
const status = find("#status");
const progress = find("progress");
const input = find("#file");
let latest;

input.addEventListener("change", async () => {
  const [file] = input.files;
  if (!file) return;
  // Another file while one is being read: only the newest is shown.
  latest?.abort();
  latest = new AbortController();
  const { signal } = latest;
  find("#bill").hidden = true;
  progress.hidden = false;
  progress.value = 0;
  try {
    say("Uploading …");
    const bill = await upload(file, signal);
    progress.hidden = true;
    say("Reading …");
    await client.waitUntilRead(bill.id, { signal });
    show(bill, await client.document(bill.id, { signal }));
    say("");
  } catch (error) {
    if (signal.aborted) return;
    progress.hidden = true;
    if (!(error instanceof BillocrError)) throw error;
    say(error.message);
  }
});

async function upload(file, signal) {
  try {
    return await client.upload(file, { signal, onProgress: (share) => (progress.value = share) });
  } catch (error) {
    // The same file again: show the bill that is there.
    if (error instanceof BillocrError && error.code === "duplicate") return client.bill(error.problem.existing_id);
    throw error;
  }
}

function show(bill, { pages, fields }) {
  const [page] = pages;
  const svg = find("svg");
  svg.setAttribute("viewBox", `0 0 ${page.width} ${page.height}`);
  const picture = shape("image", { href: client.pictureUrl(bill.id), width: page.width, height: page.height });
  const boxes = page.lines.map((line) => shape("polygon", { points: line.polygon.flat().join(" ") }));
  svg.replaceChildren(picture, ...boxes);

  const items = page.lines.map((line) => element("li", line.text));
  items.forEach((item, index) => {
    for (const [event, on] of [["pointerenter", true], ["pointerleave", false]]) {
      item.addEventListener(event, () => boxes[index].classList.toggle("pointed", on));
    }
  });
  find("#text").replaceChildren(...items);

  const found = Object.entries(SHOWN).filter(([name]) => fields[name]);
  const currency = fields.currency?.value ?? "";
  const value = (name) => (name === "total" ? `${fields.total.value} ${currency}` : fields[name].value);
  find("#fields").replaceChildren(
    ...found.flatMap(([name, label]) => [element("dt", label), element("dd", value(name).trim())]),
  );

  const buttons = Object.entries(SAVED).map(([format, label]) => {
    const button = element("button", label);
    button.type = "button";
    button.addEventListener("click", () => save(bill, format));
    return button;
  });
  find("#exports").replaceChildren(...buttons);
  find("#bill").hidden = false;
}

async function save(bill, format) {
  try {
    const { name, content } = await client.export(bill.id, format);
    const link = element("a", "");
    link.href = URL.createObjectURL(content);
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (error) {
    if (!(error instanceof BillocrError)) throw error;
    say(error.message);
  }
}

function say(text) {
  status.textContent = text;
}

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function shape(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
