// The catalogue's small script: copy buttons, paths of a column, a key for the search, and the search of a copy that nobody serves.
"use strict";

for (const button of document.querySelectorAll(".copy")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

for (const graph of document.querySelectorAll(".column-graph")) {
  const choose = (own) => {
    graph.classList.toggle("chosen", own !== undefined);
    for (const edge of graph.querySelectorAll(".edge")) edge.classList.toggle("on", edge.dataset.own === own);
  };
  for (const link of graph.querySelectorAll("a[data-own]")) {
    for (const on of ["mouseenter", "focus"]) link.addEventListener(on, () => choose(link.dataset.own));
    for (const off of ["mouseleave", "blur"]) link.addEventListener(off, () => choose(undefined));
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
  event.preventDefault();
  (document.getElementById("ask") || document.getElementById("q")).focus();
});

// A copy from a file share: products.js has given CATALOGUE. Weights are those of the served search; what most products have weighs little.
const WEIGHTS = [10, 5, 3, 1, 2, 4, 2, 4];
const stem = (word) => word.replace(/(ions|ion|ings|ing|ers|er|ies|es|ed|s|e|y)$/, "") || word;
const wordsOf = (text) => (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) || []).map(stem);

function asked(text) {
  const filters = [];
  const rest = text.slice(0, 400).replace(/\b(domain|owner|class|column):(\S+)/gi, (_, kind, value) => {
    filters.push([kind.toLowerCase(), value.toLowerCase()]);
    return " ";
  });
  const said = rest.toLowerCase().match(/[\p{L}\p{N}]+/gu) || [];
  const telling = said.filter((word) => !ASKING.includes(word));
  return { filters, words: [...new Set((telling.length ? telling : said).map(stem))].slice(0, 8) };
}

function fits(product, [kind, value]) {
  if (kind === "domain") return product.domain === value;
  if (kind === "class") return product.classes.includes(value);
  if (kind === "owner") return product.owner.toLowerCase().includes(value);
  return product.columns.some((name) => name.toLowerCase().includes(value));
}

function best(products, text) {
  const { filters, words } = asked(text);
  const kept = products.filter((product) => filters.every((filter) => fits(product, filter)));
  const parts = kept.map((product) => product.words.map((part) => wordsOf(part)));
  const had = (word, part) => part.some((other) => other === word || (word.length > 2 && other.startsWith(word)));
  const rarity = words.map((word) => Math.log(1 + kept.length / (1 + parts.filter((all) => all.some((part) => had(word, part))).length)));
  const scored = kept.map((product, place) => {
    let score = 0, hits = 0;
    words.forEach((word, number) => {
      const found = WEIGHTS.filter((_, part) => had(word, parts[place][part]));
      if (found.length) { hits += 1; score += rarity[number] * found.reduce((sum, weight) => sum + weight, 0); }
    });
    return { product, score: words.length ? score * (hits / words.length) ** 2 : 1 };
  });
  return scored.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score).slice(0, 50).map(({ product }) => product);
}

function shown(product) {
  const card = document.createElement("li"), head = document.createElement("h3"), link = document.createElement("a"), said = document.createElement("p"), about = document.createElement("p");
  card.className = "card";
  link.href = `products/${encodeURIComponent(product.address)}.html`;
  link.textContent = product.address;
  said.textContent = product.description;
  about.className = "about";
  about.textContent = product.owner;
  head.append(link);
  card.append(head, said, about);
  return card;
}

document.addEventListener("DOMContentLoaded", () => {
  const results = document.getElementById("results"), count = document.getElementById("found"), box = document.getElementById("q");
  if (!results || !count || typeof CATALOGUE === "undefined") return;
  const show = () => {
    const found = box.value.trim() ? best(CATALOGUE, box.value) : [];
    results.replaceChildren(...found.map(shown));
    count.textContent = box.value.trim() ? `${found.length} product${found.length === 1 ? "" : "s"}${found.length > 1 ? ", the best first" : ""}` : "Type what you look for.";
  };
  box.value = new URLSearchParams(location.search).get("q") || "";
  box.addEventListener("input", show);
  show();
});
