"use strict";
// Shows the chosen customer and product. The numbers were made with the page; of the trend alone the ratio is divided here.
const data = JSON.parse(document.getElementById("figures").textContent);
const customer = document.getElementById("customer");
const product = document.getElementById("product");
const figureOf = (name) => document.querySelector(`[data-chart="${name}"] div.figure`);
const isChosen = (who, what) =>
  (customer.value === "all" || customer.value === who) && (product.value === "all" || product.value === what);

function spread(sparse) {
  const values = data.days.map(() => 0);
  for (const [place, count] of sparse) values[place] = count;
  return values;
}

function showTexts(chosen) {
  for (const [id, text] of Object.entries(chosen?.texts ?? data.nothing)) document.getElementById(id).textContent = text;
}

function showTrend(chosen) {
  const nothing = data.days.map(() => null);
  const used = chosen?.used ?? nothing;
  const entitled = chosen?.entitled ?? nothing;
  const shares = used.map((value, day) => (value === null || !entitled[day] ? null : (100 * value) / entitled[day]));
  const place = figureOf("trend");
  const lines = place.layout.shapes.filter((shape) => shape.type === "line");
  const bands = (chosen?.gaps ?? []).map((day) => ({ ...data.band, x0: data.days[day][0], x1: data.days[day][1] }));
  Plotly.update(place, { y: [entitled, used, shares, spread(chosen?.doubtful ?? [])] }, { shapes: [...lines, ...bands] });
}

// Charts of one dot a customer and product: those that are not chosen fade.
function fade(name) {
  const place = figureOf(name);
  if (!place) return;
  const isAll = customer.value === "all" && product.value === "all";
  const chosen = place.data.map((trace) =>
    isAll || !trace.customdata ? null : trace.customdata.flatMap((of, dot) => (isChosen(of[2], of[1]) ? [dot] : [])));
  Plotly.restyle(place, { selectedpoints: chosen, "unselected.marker.opacity": 0.06 });
}

function filterRows() {
  for (const table of document.querySelectorAll("table[data-rows]")) {
    const shown = Number(table.dataset.rows);
    let found = 0;
    for (const row of table.tBodies[0].rows) {
      const is = isChosen(row.dataset.customer, row.dataset.product);
      found += is;
      row.hidden = !is || found > shown;
    }
    const card = table.closest(".card");
    const none = card.querySelector(".none");
    if (none) none.hidden = found > 0;
    table.hidden = found === 0;
    const more = card.querySelector(".more");
    if (more) {
      more.hidden = found <= shown;
      more.querySelector("output").textContent = (found - shown).toLocaleString("en");
    }
  }
}

function showByProduct() {
  const risk = figureOf("risk");
  if (risk) Plotly.restyle(risk, { y: risk.data.map((trace) => data.risk[product.value][trace.meta]) });
  const active = figureOf("active");
  if (active) Plotly.restyle(active, { opacity: active.data.map((trace) => (isChosen(customer.value, trace.meta) ? 1 : 0.15)) });
}

function show() {
  const chosen = data.selections[`${customer.value}|${product.value}`];
  showTexts(chosen);
  showTrend(chosen);
  filterRows();
  fade("portfolio");
  fade("renewals");
  showByProduct();
}

function read() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  // A link to a place on the page chooses nobody.
  if (location.hash && !wanted.has("customer") && !wanted.has("product")) return;
  for (const select of [customer, product]) {
    const value = wanted.get(select.id) ?? "all";
    if ([...select.options].some((option) => option.value === value)) select.value = value;
  }
  show();
}

function choose() {
  location.hash = new URLSearchParams({ customer: customer.value, product: product.value }).toString();
}

for (const select of [customer, product]) select.addEventListener("change", choose);
document.addEventListener("click", (event) => {
  const row = event.target.closest("button.who")?.closest("tr");
  if (!row) return;
  customer.value = row.dataset.customer;
  choose();
  scrollTo({ top: 0 });
});
for (const name of ["portfolio", "renewals"]) {
  figureOf(name)?.on("plotly_click", (event) => {
    customer.value = event.points[0].customdata[2];
    choose();
    scrollTo({ top: 0 });
  });
}
addEventListener("hashchange", read);
if (location.hash) read();
