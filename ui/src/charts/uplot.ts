/** The one place that knows uPlot. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock, timeOfDay } from "../lib/format";
import { saveFile } from "../lib/saveFile";
import { decimate, visibleRange, type Column, type Keep } from "./decimate";
import { colour } from "./palette";

export interface ChartSeries {
  key: string;
  label: string;
  /** A token. */
  colour: string;
  values: Column;
  keep: Keep;
  fill?: boolean;
  dashed?: boolean;
  /** A gap is bridged: its moments belong to another series. */
  bridged?: boolean;
  /** Steps rather than slopes: users come one at a time. */
  stepped?: boolean;
}

export interface Marker {
  at: number;
  label: string;
}

export type TimeRange = [from: number, to: number] | null;
export type XKind = "moment" | "elapsed";

export interface ChartOptions {
  series: readonly ChartSeries[];
  height: number;
  x: XKind;
  /** Charts with the same key share their cursor. */
  syncKey: string;
  /** Zoom: dragging changes the range of time. Select: it marks a window in it. */
  drag: "zoom" | "select";
  markers: () => readonly Marker[];
  onrange: (range: TimeRange) => void;
  oncursor: (index: number | null) => void;
}

const POINTS = 1_200;
const AXIS_WIDTH = 58;
/** There is a point a second: finer ticks would repeat themselves. */
const TIME_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400,
];
const LEAST_ZOOM_SECONDS = 2;
const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif";

export function create(element: HTMLElement, options: ChartOptions): uPlot {
  const text = colour("text-3");
  const grid = { stroke: colour("grid"), width: 1 };
  const chart = new uPlot(
    {
      width: Math.max(100, element.clientWidth),
      height: options.height,
      padding: [10, 28, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: options.syncKey, setSeries: false },
        drag: { x: true, y: false, setScale: false },
        points: { size: 7 },
        focus: { prox: -1 },
      },
      scales: { x: { time: options.x === "moment" }, y: { range: (_chart, _min, max) => [0, ceiling(max)] } },
      axes: [
        {
          stroke: text,
          font: FONT,
          grid: { show: false },
          ticks: { ...grid, size: 5 },
          size: 30,
          space: 90,
          incrs: TIME_STEPS,
          values: (_chart, splits, _axis, _space, step) => splits.map((at) => tick(at, step, options.x)),
        },
        {
          stroke: text,
          font: FONT,
          grid,
          ticks: { show: false },
          size: AXIS_WIDTH,
          gap: 6,
          space: 34,
          values: (_chart, splits) => splits.map((value) => axisNumber(value)),
        },
      ],
      series: [{}, ...options.series.map((series) => drawn(series))],
      hooks: {
        setSelect: [(self) => selected(self, options)],
        setCursor: [(self) => options.oncursor(self.cursor.idx ?? null)],
        draw: [(self) => drawMarkers(self, options.markers())],
      },
    },
    [[]],
    element,
  );
  if (options.drag === "zoom") chart.over.addEventListener("dblclick", () => options.onrange(null));
  return chart;
}

/**
 * Shows the columns within the range (or all), thinned to what fits; returns what is drawn.
 *
 * `least`: seconds that are shown at least. The first seconds of a run fill the chart from the left.
 */
export function show(
  chart: uPlot,
  at: readonly number[],
  columns: readonly Column[],
  keep: readonly Keep[],
  range: TimeRange,
  least: number,
): { at: number[]; values: Column[] } {
  const [from, to] = range ? visibleRange(at, range[0], range[1]) : [0, at.length];
  const thin = decimate(
    at.slice(from, to),
    columns.map((column) => column.slice(from, to)),
    keep,
    POINTS,
  );
  chart.batch(() => {
    chart.setData([thin.at, ...thin.values], false);
    const [min, max] = range ?? extent(at, least);
    chart.setScale("x", { min, max });
  });
  return thin;
}

/** Marks a window of time; null takes the mark away. */
export function mark(chart: uPlot, range: TimeRange): void {
  if (range === null) {
    chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    return;
  }
  const left = chart.valToPos(range[0], "x");
  const right = chart.valToPos(range[1], "x");
  chart.setSelect({ left, top: 0, width: Math.max(1, right - left), height: chart.over.clientHeight }, false);
}

function extent(at: readonly number[], least: number): [number, number] {
  const first = at[0] ?? 0;
  const last = at.at(-1) ?? 1;
  return [first, Math.max(last, first + Math.max(least, 1))];
}

function ceiling(max: number | null): number {
  return max === null || !Number.isFinite(max) || max <= 0 ? 1 : max * 1.08;
}

function tick(at: number, step: number, kind: XKind): string {
  if (kind === "elapsed") return clock(at);
  if (step >= 86_400)
    return new Date(at * 1000).toLocaleDateString(undefined, { month: "short", day: "numeric" });
  return step >= 60 ? timeOfDay(at).slice(0, 5) : timeOfDay(at);
}

function axisNumber(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
}

function drawn(series: ChartSeries): uPlot.Series {
  const stroke = colour(series.colour);
  return {
    label: series.label,
    stroke,
    width: 1.75,
    ...(series.dashed ? { dash: [6, 4] } : {}),
    ...(series.fill ? { fill: `color-mix(in srgb, ${stroke} 14%, transparent)` } : {}),
    ...(series.stepped && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
    points: { show: (self, index) => lonely(self, index), size: 5 },
    spanGaps: series.bridged ?? false,
  };
}

/** A line needs two points; a single one would not be seen without a dot. */
function lonely(self: uPlot, index: number): boolean {
  const column = self.data[index];
  let found = 0;
  for (const value of column ?? []) {
    if (value !== null && value !== undefined) found += 1;
    if (found > 1) return false;
  }
  return found === 1;
}

function selected(self: uPlot, options: ChartOptions): void {
  const { left, width } = self.select;
  if (width < 4) return;
  const from = self.posToVal(left, "x");
  const to = self.posToVal(left + width, "x");
  if (options.drag === "zoom") self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  const missing = Math.max(0, LEAST_ZOOM_SECONDS - (to - from)) / 2;
  options.onrange(options.drag === "zoom" ? [from - missing, to + missing] : [from, to]);
}

function drawMarkers(self: uPlot, markers: readonly Marker[]): void {
  const { ctx, bbox } = self;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = colour("line-strong");
  ctx.fillStyle = colour("text-2");
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  ctx.lineWidth = ratio;
  ctx.setLineDash([4 * ratio, 3 * ratio]);
  for (const { at, label } of markers) {
    const x = self.valToPos(at, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.fillText(label, x + 5 * ratio, bbox.top + 2 * ratio);
  }
  ctx.restore();
}

/** Saves what the chart shows as a PNG. */
export function savePng(chart: uPlot, fileName: string): void {
  const source = chart.ctx.canvas;
  const canvas = document.createElement("canvas");
  canvas.width = source.width;
  canvas.height = source.height;
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.fillStyle = colour("surface");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0);
  canvas.toBlob((blob) => {
    if (blob !== null) saveFile(blob, fileName);
  });
}
