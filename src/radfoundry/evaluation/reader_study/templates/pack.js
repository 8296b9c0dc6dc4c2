"use strict";
// Shows one item after the other, records what was pressed, and hands the answers over as a file.
const pack = JSON.parse(document.getElementById("pack").textContent);
const steps = pack.tasks.flatMap((task) => task.items.map((item) => ({ task, item })));
const store = `reader-study-${pack.pack}`;
const at = (id) => document.getElementById(id);
let answers = remembered();
let begun = false;
let order = []; // pictures of the item on the screen that were put in order so far

function remembered() {
  try {
    const kept = JSON.parse(localStorage.getItem(store) || "[]");
    return Array.isArray(kept) && kept.length <= steps.length ? kept : [];
  } catch {
    return []; // no storage, as in a private window: the page works for one sitting
  }
}

function remember() {
  try {
    localStorage.setItem(store, JSON.stringify(answers));
  } catch {
    // see above
  }
}

function record(answer) {
  answers.push(answer);
  order = [];
  remember();
  show();
}

function takeBack() {
  if (order.length) {
    order.pop();
  } else {
    // not into the question before: what was asked later could tell what an image was
    const last = steps[answers.length - 1];
    const now = steps[answers.length];
    if (!last || (now && now.task !== last.task)) return;
    answers.pop();
    remember();
  }
  show();
}

function rank(place) {
  const { item } = steps[answers.length];
  if (place > item.pictures.length || order.includes(place)) return;
  order.push(place);
  if (order.length === item.pictures.length) record(order.join(","));
  else show();
}

function made(tag, text, parent) {
  const element = document.createElement(tag);
  element.textContent = text;
  parent.append(element);
  return element;
}

function button(key, text, action) {
  const element = made("button", "", at("choices"));
  element.type = "button";
  made("kbd", key, element);
  element.append(text);
  element.addEventListener("click", action);
}

function show() {
  const done = answers.length === steps.length;
  at("start").hidden = begun;
  at("item").hidden = !begun || done;
  at("end").hidden = !begun || !done;
  at("progress").textContent = begun ? `${answers.length} of ${steps.length} answered` : "";
  if (!begun || done) return;
  const { task, item } = steps[answers.length];
  at("question").textContent = task.text;
  at("hint").textContent = task.hint;
  at("pictures").replaceChildren();
  at("legend").replaceChildren();
  for (const [name, color] of item.legend) {
    const entry = made("li", name, at("legend"));
    entry.style.borderColor = color;
  }
  at("choices").replaceChildren();
  item.pictures.forEach((data, index) => showPicture(data, index + 1, item.pictures.length));
  if (task.choices.length) {
    for (const [key, value, text] of task.choices) button(key, text, () => record(value));
  } else {
    item.pictures.forEach((_, index) => button(`${index + 1}`, `Image ${index + 1}`, () => rank(index + 1)));
  }
}

function showPicture(data, place, of) {
  const figure = made("figure", "", at("pictures"));
  const image = made("img", "", figure);
  image.src = `data:image/png;base64,${data}`;
  image.alt = of > 1 ? `Image ${place}` : "Image to be judged";
  const rank = order.indexOf(place) + 1;
  figure.className = rank ? "ranked" : "";
  if (of > 1) made("figcaption", `Image ${place}${rank ? `: place ${rank}` : ""}`, figure);
}

async function save() {
  const given = steps.map(({ task, item }, index) => ({ task: task.name, number: item.number, answer: answers[index] }));
  const lines = [pack.reader, pack.pack, pack.key, ...given.map((one) => `${one.task} ${one.number} ${one.answer}`)];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(lines.join("\n")));
  const seal = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const file = { reader: pack.reader, pack: pack.pack, key: pack.key, answers: given, seal };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(file, null, 1)], { type: "application/json" }));
  link.download = `answers_${pack.reader}.json`;
  link.click();
  at("saved").textContent = `Saved as ${link.download}, in the folder of downloads.`;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const done = answers.length === steps.length;
  if (event.key === "Enter") {
    event.preventDefault(); // else it would press the button in focus as well
    if (!begun) begin();
    else if (done) save();
    else if (document.activeElement instanceof HTMLButtonElement) document.activeElement.click();
  } else if (event.key === "Backspace" && begun) {
    event.preventDefault();
    takeBack();
  } else if (begun && !done) {
    const { task } = steps[answers.length];
    const choice = task.choices.find(([key]) => key === event.key);
    if (choice) record(choice[1]);
    else if (!task.choices.length && /^[1-9]$/.test(event.key)) rank(Number(event.key));
  }
});

function begin() {
  begun = true;
  show();
}

at("begin").addEventListener("click", begin);
at("save").addEventListener("click", save);
if (!globalThis.crypto?.subtle) {
  at("start").replaceChildren();
  made("p", "This browser cannot seal answers: open the page in a current Chrome, Edge or Firefox.", at("start"));
} else {
  show();
}
