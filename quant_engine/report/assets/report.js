"use strict";
(() => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const { createChart, createSeriesMarkers, LineSeries, AreaSeries, BaselineSeries } = LightweightCharts;
  const DAY = 86400;
  const charts = [];

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const wash = (name, share) => `rgba(${css(name)}, ${share})`;
  const minus = (text) => text.replace("-", "\u2212");
  const plain = (value, digits) =>
    minus(value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  const price = (value) => plain(value, Math.abs(value) >= 100 ? 2 : Math.abs(value) >= 1 ? 4 : 8);
  const short = (value) => {
    const size = Math.abs(value);
    if (size >= 1e9) return plain(value / 1e9, 2) + " bn";
    if (size >= 1e6) return plain(value / 1e6, 2) + " m";
    if (size >= 1e4) return plain(value / 1e3, 1) + " k";
    return price(value);
  };
  const when = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
  const points = (values) =>
    data.time.map((time, i) => (values[i] === null ? { time } : { time, value: values[i] }));
  const axis = (formatter) => ({ type: "custom", formatter, minMove: 1e-8 });

  function element(name, text, parent, kind) {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (kind) made.className = kind;
    if (parent) parent.append(made);
    return made;
  }

  function look() {
    return {
      layout: {
        background: { type: "solid", color: "transparent" },
        textColor: css("--soft"),
        fontFamily: getComputedStyle(document.body).fontFamily,
        fontSize: 11,
        attributionLogo: true,
        panes: { separatorColor: css("--rule"), separatorHoverColor: css("--rule"), enableResize: false },
      },
      grid: { vertLines: { visible: false }, horzLines: { color: css("--rule") } },
      crosshair: {
        mode: 0,
        vertLine: { color: css("--faint"), labelBackgroundColor: css("--soft") },
        horzLine: { color: css("--faint"), labelBackgroundColor: css("--soft") },
      },
    };
  }

  // The wheel and a finger moving up or down belong to the page, not to the chart.
  function chartIn(id) {
    const box = document.getElementById(id);
    const chart = createChart(box, {
      ...look(),
      autoSize: true,
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.06, bottom: 0.06 } },
      timeScale: { borderVisible: false, timeVisible: true, secondsVisible: false, minBarSpacing: 0.01, fixLeftEdge: true, fixRightEdge: true },
      handleScroll: { mouseWheel: false, vertTouchDrag: false },
      handleScale: { mouseWheel: false },
    });
    charts.push({ chart, box, paint: [] });
    return charts[charts.length - 1];
  }

  function ranges(id, chart) {
    const box = document.getElementById(id);
    const last = data.time[data.time.length - 1];
    const length = (last - data.time[0]) / DAY;
    const choices = [["All", Infinity], ["1 y", 365], ["3 m", 91], ["1 m", 30], ["1 w", 7]];
    const buttons = [];
    for (const [name, days] of choices.filter(([, days]) => days === Infinity || days < length * 0.95)) {
      const button = element("button", name, box);
      button.type = "button";
      button.addEventListener("click", () => {
        if (days === Infinity) chart.timeScale().fitContent();
        else chart.timeScale().setVisibleRange({ from: last - days * DAY, to: last });
        buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      });
      button.setAttribute("aria-pressed", String(days === Infinity));
      buttons.push(button);
    }
    if (buttons.length < 2) box.remove();
  }

  // One entry per series: its colour, its name and its value under the pointer; a click hides it.
  function legend(id, entries, frame, extra) {
    const box = document.getElementById(id);
    box.replaceChildren();
    const time = element("span", "", box, "when");
    const rows = entries.map((entry) => {
      const button = element("button", "", box);
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      const swatch = element("i", "", button, entry.dashed ? "dashed" : "");
      element("span", entry.name, button);
      const value = element("b", "", button);
      button.addEventListener("click", () => {
        const shown = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(shown));
        entry.series.applyOptions({ visible: shown });
      });
      frame.paint.push(() => { swatch.style.borderColor = css(entry.color); });
      return { entry, value };
    });
    const tail = element("span", "", box, "when");
    const show = (index) => {
      time.textContent = when(data.time[index]);
      for (const { entry, value } of rows) {
        const at = entry.values[index];
        value.textContent = at === null ? "" : entry.write(at);
      }
      tail.textContent = extra ? extra(index) : "";
    };
    const place = new Map(data.time.map((at, index) => [at, index]));
    const move = (event) => show(place.get(event.time) ?? data.time.length - 1);
    frame.chart.subscribeCrosshairMove(move);
    show(data.time.length - 1);
    return () => frame.chart.unsubscribeCrosshairMove(move);
  }

  function equity() {
    const frame = chartIn("equity-chart");
    const { chart } = frame;
    const quiet = { lastValueVisible: false, priceLineVisible: false, crosshairMarkerRadius: 3 };
    const money = { priceFormat: axis(short) };
    const hold = chart.addSeries(LineSeries, { ...quiet, ...money, lineWidth: 1 });
    const gross = chart.addSeries(LineSeries, { ...quiet, ...money, lineWidth: 1, lineStyle: 2 });
    const net = chart.addSeries(LineSeries, { ...quiet, ...money, lineWidth: 2, lastValueVisible: true });
    const fall = chart.addSeries(
      AreaSeries,
      { ...quiet, lineWidth: 1, invertFilledArea: true, priceFormat: axis((value) => plain(value, 1) + " %") },
      1,
    );
    net.setData(points(data.net));
    gross.setData(points(data.gross));
    hold.setData(points(data.hold));
    fall.setData(points(data.drawdown));
    chart.panes()[0].setStretchFactor(3);
    chart.panes()[1].setStretchFactor(1);
    frame.paint.push(() => {
      net.applyOptions({ color: css("--accent") });
      gross.applyOptions({ color: css("--second") });
      hold.applyOptions({ color: css("--third") });
      fall.applyOptions({
        lineColor: css("--loss"),
        topColor: wash("--loss-wash", 0.08),
        bottomColor: wash("--loss-wash", 0.3),
      });
    });
    const write = (value) => plain(value, 2);
    legend("equity-legend", [
      { name: "Net", series: net, values: data.net, color: "--accent", write },
      { name: "Gross", series: gross, values: data.gross, color: "--second", write, dashed: true },
      { name: "Buy and hold", series: hold, values: data.hold, color: "--third", write },
      { name: "Drawdown", series: fall, values: data.drawdown, color: "--loss", write: (v) => plain(v, 2) + " %" },
    ], frame);
    ranges("equity-ranges", chart);
    chart.timeScale().fitContent();
  }

  function prices() {
    const frame = chartIn("price-chart");
    const { chart } = frame;
    const quiet = { lastValueVisible: false, priceLineVisible: false, crosshairMarkerRadius: 3 };
    const line = chart.addSeries(LineSeries, { ...quiet, lineWidth: 1, priceFormat: axis(price) });
    const size = chart.addSeries(
      BaselineSeries,
      { ...quiet, lineWidth: 1, lineType: 1, baseValue: { type: "price", price: 0 }, priceFormat: axis((v) => (v && Math.abs(v) < 1e-7 ? "" : minus(String(+v.toPrecision(6))))) },
      1,
    );
    const marks = createSeriesMarkers(line, []);
    chart.panes()[0].setStretchFactor(3);
    chart.panes()[1].setStretchFactor(1);
    const buttons = document.querySelectorAll("#symbols button");
    let current, forget;

    const mark = ([point, side, at]) => ({
      time: data.time[point],
      position: "atPriceMiddle",
      price: at,
      shape: side > 0 ? "arrowUp" : "arrowDown",
      color: css(side > 0 ? "--gain" : "--loss"),
      size: 0.75,
    });
    frame.paint.push(() => {
      line.applyOptions({ color: css("--accent") });
      size.applyOptions({
        topLineColor: css("--gain"), topFillColor1: wash("--gain-wash", 0.3), topFillColor2: wash("--gain-wash", 0.08),
        bottomLineColor: css("--loss"), bottomFillColor1: wash("--loss-wash", 0.08), bottomFillColor2: wash("--loss-wash", 0.3),
      });
      if (current) marks.setMarkers(current.markers.map(mark));
    });
    const kept = frame.paint.length;

    function choose(index) {
      current = data.symbols[index];
      line.setData(points(current.price));
      size.setData(points(current.position));
      if (forget) forget();
      frame.paint.length = kept;
      const at = new Map();
      for (const [point, side, mean, quantity, fills] of current.markers) {
        const words = `${side > 0 ? "bought" : "sold"} ${quantity} at ${price(mean)}, ${fills} fill${fills > 1 ? "s" : ""}`;
        at.set(point, at.has(point) ? `${at.get(point)}; ${words}` : words);
      }
      forget = legend("price-legend", [
        { name: current.name, series: line, values: current.price, color: "--accent", write: price },
        { name: "Position", series: size, values: current.position, color: "--gain", write: (v) => minus(String(v)) },
      ], frame, (point) => at.get(point) ?? "");
      frame.paint.forEach((paint) => paint());
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === index)));
    }
    buttons.forEach((button, index) => button.addEventListener("click", () => choose(index)));
    ranges("price-ranges", chart);
    choose(0);
    chart.timeScale().fitContent();
  }

  function paint() {
    for (const frame of charts) {
      frame.chart.applyOptions(look());
      frame.paint.forEach((act) => act());
    }
  }

  // Paper gets light pictures of the charts as they stand.
  function toPaper() {
    document.documentElement.dataset.print = "";
    paint();
    for (const { chart, box } of charts) {
      const image = element("img", "", null, "print-chart");
      image.alt = "";
      image.src = chart.takeScreenshot().toDataURL();
      box.after(image);
    }
  }
  function fromPaper() {
    document.querySelectorAll("img.print-chart").forEach((image) => image.remove());
    delete document.documentElement.dataset.print;
    paint();
  }

  equity();
  prices();
  paint();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  addEventListener("beforeprint", toPaper);
  addEventListener("afterprint", fromPaper);
})();
