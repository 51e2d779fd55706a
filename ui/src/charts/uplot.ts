/** The one place that knows uPlot. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock, timeOfDay } from "../lib/format";
import { saveFile } from "../lib/saveFile";
import { decimate, visibleRange, type Column, type Keep } from "./decimate";
import { bridged, lonely } from "./gaps";
import { colour } from "./palette";
import { rates, type Counted } from "./rates";

export interface ChartSeries {
  key: string;
  label: string;
  /** A token. */
  colour: string;
  /** Of a rate: what was counted until the end of each point. */
  values: Column;
  keep: Keep | "rate";
  fill?: boolean;
  dashed?: boolean;
  /** A gap is bridged: its moments belong to another series. */
  bridged?: boolean;
  /** Steps rather than slopes: users come one at a time. */
  stepped?: boolean;
  /** Filled down to the series of that number. */
  downTo?: number;
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
  width: number;
  x: XKind;
  /** Charts with the same key share their cursor. */
  syncKey: string;
  /** Zoom: dragging changes the range of time. Select: it marks a window in it. */
  drag: "zoom" | "select";
  markers: () => readonly Marker[];
  onrange: (range: TimeRange) => void;
  oncursor: (index: number | null) => void;
}

export interface Drawn {
  at: number[];
  values: Column[];
  /** Seconds that a rate is the mean of. */
  step: number;
  /** Seconds that each point of a rate covers. */
  covers?: number[];
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
      width: Math.max(100, options.width),
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
      bands: options.series.flatMap(({ downTo, colour: token }, index): uPlot.Band[] =>
        downTo === undefined
          ? []
          : [
              {
                series: [index + 1, downTo + 1],
                fill: `color-mix(in srgb, ${colour(token)} 22%, transparent)`,
              },
            ],
      ),
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
  keep: readonly ChartSeries["keep"][],
  range: TimeRange,
  least: number,
  counted: Omit<Counted, "at"> | null = null,
): Drawn {
  const thin =
    counted === null ? thinned(at, columns, keep, range) : rates({ ...counted, at }, columns, POINTS, range);
  chart.batch(() => {
    chart.setData([thin.at, ...thin.values], false);
    const [min, max] = range ?? extent(at, least);
    chart.setScale("x", { min, max });
  });
  return thin;
}

function thinned(
  at: readonly number[],
  columns: readonly Column[],
  keep: readonly ChartSeries["keep"][],
  range: TimeRange,
): Drawn {
  const [from, to] = range ? visibleRange(at, range[0], range[1]) : [0, at.length];
  const part = columns.map((column) => column.slice(from, to));
  const kept = keep.map((one) => (one === "max" ? "max" : "mean"));
  return { ...decimate(at.slice(from, to), part, kept, POINTS), step: 1 };
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
    ...(series.downTo === undefined ? {} : { width: 1 }),
    ...(series.fill ? { fill: `color-mix(in srgb, ${stroke} 14%, transparent)` } : {}),
    ...(series.stepped && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
    // A line needs two points: one that stands alone would not be seen without a dot.
    points: {
      show: false,
      size: 5,
      fill: stroke,
      filter: (self, index) => {
        const [at, column] = [self.data[0] as number[], (self.data[index] ?? []) as Column];
        const alone = lonely(at, column, series.bridged ? Number.POSITIVE_INFINITY : bridge(self, index));
        return alone.length > 0 ? alone : null;
      },
    },
    spanGaps: series.bridged ?? false,
    gaps: (self, index, _from, _to, found) => {
      if (series.bridged) return found;
      const width = self.valToPos(bridge(self, index), "x", true) - self.valToPos(0, "x", true);
      return found.filter(([from, to]) => to - from > width + 0.5);
    },
  };
}

/** Seconds without a value that a line of this chart goes over. */
function bridge(self: uPlot, index: number): number {
  const at = self.data[0] as number[];
  const step = at.length > 1 ? ((at.at(-1) ?? 0) - (at[0] ?? 0)) / (at.length - 1) : 1;
  return bridged(at, (self.data[index] ?? []) as Column, step);
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
