import { Skeleton } from "@mantine/core";
import { lazy, Suspense } from "react";

/** A series of a chart by day. */
export type Series = { key: string; label: string };

/** What a chart by day is drawn from. The heights are for drawing; `format` says what is read. */
export type DayChartProps = {
  label: string;
  days: { label: string; heights: Record<string, number> }[];
  series: Series[];
  height: number;
  format: (height: number) => string;
};

const Bars = lazy(() => import("./DayBars"));

/** Stacked bars by day. The drawing library is loaded when the first chart is shown. */
export function DayChart(props: DayChartProps) {
  return (
    <div style={{ height: props.height }} role="img" aria-label={props.label}>
      <Suspense fallback={<Skeleton height={props.height} />}><Bars {...props} /></Suspense>
    </div>
  );
}
