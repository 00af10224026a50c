// Draws each task type's chart, in place of the picture that stands where no script runs.
"use strict";
(() => {
  const HEIGHT = 240, MOST_ROWS = 3, LABEL_HEIGHT = 15;
  const COLOURS = { deploy: "--code-4", heal: "--good", rollback: "--bad", alarm: "--warn", proposal: "--code-1", canary: "--code-2" };
  const DASHES = { alarm: [2, 3], proposal: [6, 3], canary: [1, 2] };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const percent = (share) => (share == null ? "–" : `${(100 * share).toFixed(0)} %`);
  const drawn = new Map();

  // Lines where something happened; the latest get their labels first, each in a row that is free.
  function drawEvents(chart, events, names, font) {
    const { ctx, bbox } = chart, ratio = devicePixelRatio, starts = Array(MOST_ROWS).fill(Infinity), labels = [];
    ctx.save();
    ctx.font = `${12 * ratio}px ${font}`;
    ctx.textBaseline = "middle";
    ctx.lineWidth = 1.5 * ratio;
    for (const event of [...events].reverse()) {
      const x = Math.round(chart.valToPos(event.at, "x", true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      const text = names[event.kind] + (event.version ? ` v${event.version}` : "") + (event.times > 1 ? ` ×${event.times}` : "");
      const width = ctx.measureText(text).width, ink = colour(COLOURS[event.kind]);
      const left = Math.max(0, Math.min(x + 4 * ratio, ctx.canvas.width - width));
      const row = starts.findIndex((start) => left + width + 6 * ratio < start);
      const y = bbox.top - (Math.max(0, row) + 0.75) * LABEL_HEIGHT * ratio;
      ctx.strokeStyle = ink;
      ctx.setLineDash((DASHES[event.kind] || []).map((length) => length * ratio));
      ctx.beginPath();
      ctx.moveTo(x, row < 0 ? bbox.top : y - 6 * ratio);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      if (row < 0) continue;
      starts[row] = left;
      labels.push({ text, left, y, width, ink });
    }
    const ground = colour("--surface");
    for (const { text, left, y, width, ink } of labels) {
      ctx.fillStyle = ground;
      ctx.fillRect(left - ratio, y - 7 * ratio, width + 2 * ratio, 14 * ratio);
      ctx.fillStyle = ink;
      ctx.fillText(text, left, y);
    }
    ctx.restore();
  }

  // Points that no line touches, as their neighbours are missing.
  const findLone = (values) => [...values.keys()].filter((at) => values[at] != null && values[at - 1] == null && values[at + 1] == null);

  function draw(figure, data) {
    const place = figure.querySelector(".now__plot"), readout = figure.querySelector(".now__readout");
    const names = Object.fromEntries([...figure.querySelectorAll("[data-name]")].map((one) => [one.dataset.name, one.textContent]));
    const font = getComputedStyle(document.body).fontFamily, half = data.step_seconds / 2;
    const axis = { stroke: colour("--faint"), font: `12px ${font}`, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const most = Math.max(1, ...data.requests);
    const close = (n) => data.events.some(({ at }, i) => i >= n && (at - data.events[i - n].at) / (data.at.length * data.step_seconds) * place.clientWidth < 120);
    const rows = data.events.length ? 1 + close(1) + close(2) : 0;
    const isDense = place.clientWidth / data.at.length < 7;
    const points = (values, ink) => ({ show: !isDense, filter: () => (isDense ? findLone(values) : null), size: 5, width: 0, fill: colour(ink) });
    const format = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short" });
    const options = {
      width: place.clientWidth, height: HEIGHT, padding: [10 + LABEL_HEIGHT * rows, 0, 0, 0],
      legend: { show: false }, cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { range: [data.at[0], data.at.at(-1) + data.step_seconds] },
        share: { range: [0, 1] }, count: { range: [0, 4 * most] },
      },
      axes: [
        { ...axis, values: (_, moments) => tellMoments(moments), space: 70, size: 30 },
        { ...axis, scale: "share", size: 48, splits: [0, 0.25, 0.5, 0.75, 1], values: (_, shares) => shares.map(percent) },
        { ...axis, scale: "count", side: 1, size: 44, grid: { show: false }, splits: [0, most], values: (_, counts) => counts.map((count) => count.toLocaleString("en")) },
      ],
      series: [
        {},
        { scale: "count", paths: uPlot.paths.bars({ size: [0.7, 22] }), fill: `${colour("--strong-line")}66`, width: 0, points: { show: false } },
        { scale: "share", stroke: colour("--info"), width: 1.5, dash: [4, 3], points: points(data.mean_score, "--info") },
        { scale: "share", stroke: colour("--accent"), width: 2.5, points: points(data.pass_rate, "--accent") },
      ],
      hooks: {
        draw: [(chart) => drawEvents(chart, data.events, names, font)],
        setCursor: [({ cursor: { idx } }) => {
          readout.textContent = idx == null ? "" : `${format.format(1000 * data.at[idx])} · ${names.pass} ${percent(data.pass_rate[idx])} · ${names.mean} ${data.mean_score[idx]?.toFixed(3) ?? "–"} · ${names.requests} ${data.requests[idx].toLocaleString("en")}`;
        }],
      },
    };
    place.replaceChildren();
    drawn.get(figure)?.chart.destroy();
    const chart = new uPlot(options, [data.at.map((at) => at + half), data.requests, data.mean_score, data.pass_rate], place);
    drawn.set(figure, { chart, data });
  }

  // Hours where they fall into one day, days else.
  function tellMoments(moments) {
    const isShort = moments.length > 1 && moments[1] - moments[0] < 86400;
    const hour = new Intl.DateTimeFormat("sv-SE", { hour: "2-digit", minute: "2-digit" });
    const day = new Intl.DateTimeFormat(document.documentElement.lang, { month: "short", day: "numeric" });
    return moments.map((moment) => {
      const time = hour.format(1000 * moment);
      return isShort && time !== "00:00" ? time : day.format(1000 * moment);
    });
  }

  async function load(figure) {
    const answer = await fetch(figure.dataset.series, { headers: { Accept: "application/json" } });
    if (answer.ok) draw(figure, await answer.json());
  }

  const loadAll = () => {
    for (const figure of document.querySelectorAll("[data-series]")) load(figure).catch(() => { /* what is drawn stays */ });
  };
  document.addEventListener("DOMContentLoaded", () => {
    const resized = new ResizeObserver((entries) => {
      for (const { target } of entries) {
        const known = drawn.get(target);
        if (known) known.chart.setSize({ width: target.clientWidth, height: HEIGHT });
      }
    });
    for (const figure of document.querySelectorAll("[data-series]")) resized.observe(figure);
    loadAll();
  });
  document.addEventListener("renewed", loadAll);
  document.addEventListener("themechange", () => { for (const [figure, { data }] of drawn) draw(figure, data); });
})();
