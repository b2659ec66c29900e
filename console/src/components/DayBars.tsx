import "@mantine/charts/styles.css";
import { BarChart } from "@mantine/charts";
import type { DayChartProps } from "./DayChart";

const COLOURS = ["lake.7", "orange.5", "grape.5", "lime.6", "blue.5", "pink.5", "yellow.6", "gray.5"];

export default function DayBars({ days, series, height, format }: DayChartProps) {
  return (
    <BarChart
      h={height}
      type="stacked"
      // The library reads a dot in a name as a path, and model names have dots, so series go by number.
      data={days.map(({ label, heights }) => ({ day: label, ...series.map(({ key }) => heights[key] ?? 0) }))}
      dataKey="day"
      series={series.map(({ label }, i) => ({ name: String(i), label, color: COLOURS[i % COLOURS.length]! }))}
      valueFormatter={format}
      withLegend={series.length > 1}
      legendProps={{ verticalAlign: "bottom" }}
      gridAxis="x"
      tickLine="none"
      yAxisProps={{ width: 76 }}
      barProps={{ isAnimationActive: false, maxBarSize: 36 }}
    />
  );
}
