"use strict";
// Shows the summary of the chosen athlete and sport. All numbers were made with the page; nothing is computed here.
const { summaries, nothing } = JSON.parse(document.getElementById("summaries").textContent);
const athlete = document.getElementById("athlete");
const sport = document.getElementById("sport");

function show() {
  const chosen = summaries[`${athlete.value}|${sport.value}`] ?? nothing;
  for (const [id, text] of Object.entries(chosen.texts)) document.getElementById(id).textContent = text;
  for (const [name, { values, average }] of Object.entries(chosen.weeks)) {
    const place = document.querySelector(`[data-chart="${name}"] div.figure`);
    Plotly.restyle(place, { y: [values, values.map(() => average)] }, [0, 1]);
  }
  const shares = document.querySelector('[data-chart="shares"] div.figure');
  Plotly.restyle(shares, { labels: [chosen.shares.sports], values: [chosen.shares.hours] }, [0]);
}

function read() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  for (const select of [athlete, sport]) {
    const value = wanted.get(select.id);
    if ([...select.options].some((option) => option.value === value)) select.value = value;
  }
  show();
}

for (const select of [athlete, sport]) {
  select.addEventListener("change", () => {
    location.hash = new URLSearchParams({ athlete: athlete.value, sport: sport.value }).toString();
  });
}
addEventListener("hashchange", read);
if (location.hash) read();
