import { Button, Center, Group, Pagination, SegmentedControl, Select, Stack, Table, Text } from "@mantine/core";
import { IconChartBar, IconDownload } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { memo, useDeferredValue, useMemo, useState } from "react";
import { byKey, readUsage, totalOf, type Dimension, type Usage as UsageData, type UsageRow } from "../../api/usage";
import { DayChart } from "../../components/DayChart";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { PageHead } from "../../components/PageHead";
import { WideTable } from "../../components/paged";
import { Panel } from "../../components/Panel";
import { saveFile } from "../../components/saveFile";
import { fromNanos, toHeight } from "../../format/money";
import { useFormat } from "../../format/useFormat";
import { useMessages, useText } from "../../i18n/language";
import { toCsv } from "./csv";
import { usage } from "./index";
import { messages } from "./messages";
import { useNames } from "./useNames";

type Measure = "cost" | "calls" | "tokens";

const RANGES = [7, 30, 90] as const;
const SERIES = 7;
const PAGE = 50;
const OTHERS = "\u0000others";

const HEIGHTS: Record<Measure, (row: Pick<UsageRow, "calls" | "input" | "output" | "nanos">) => number> = {
  cost: ({ nanos }) => toHeight(nanos),
  calls: ({ calls }) => calls,
  tokens: ({ input, output }) => input + output,
};

/** What was used and what it cost, by day and by model, project or key. */
export default function Usage() {
  const t = useMessages(messages);
  const text = useText();
  const format = useFormat();
  const [days, setDays] = useState<number>(30);
  const [dimension, setDimension] = useState<Dimension>("model");
  const [measure, setMeasure] = useState<Measure>("cost");
  const [currency, setCurrency] = useState<string>();
  const query = useQuery({
    queryKey: ["usage", dimension, days, format.zone, currency],
    queryFn: () => readUsage(dimension, days, format.zone, currency),
    placeholderData: keepPreviousData,
  });

  // Thousands of rows take a moment to draw; the controls answer before that.
  const drawnMeasure = useDeferredValue(measure);
  const drawnDimension = useDeferredValue(dimension);
  const nameOf = useNames(drawnDimension);
  const drawn = useDeferredValue(query.data);

  function download(data: UsageData) {
    const dayOf = (day: number) => new Intl.DateTimeFormat("sv-SE", { timeZone: format.zone }).format(day * 1000);
    saveFile("usage.csv", new Blob([toCsv(data.rows, data.currency, dayOf, nameOf)], { type: "text/csv" }));
  }

  return (
    <>
      <PageHead title={text(usage.title)} lead={t("zone", { zone: format.zone })}>
        <Button variant="default" leftSection={<IconDownload size={18} aria-hidden />} disabled={!query.data?.rows.length} onClick={() => query.data && download(query.data)}>{t("download")}</Button>
      </PageHead>
      <Group mb="md" gap="sm">
        <SegmentedControl aria-label={t("range")} value={String(days)} onChange={(value) => setDays(Number(value))} data={RANGES.map((n) => ({ value: String(n), label: t("lastDays", { n }) }))} />
        <SegmentedControl aria-label={t("measure")} value={measure} onChange={(value) => setMeasure(value as Measure)} data={[{ value: "cost", label: t("cost") }, { value: "calls", label: t("calls") }, { value: "tokens", label: t("tokens") }]} />
        <SegmentedControl aria-label={t("by")} value={dimension} onChange={(value) => setDimension(value as Dimension)} data={[{ value: "model", label: t("byModel") }, { value: "project_id", label: t("byProject") }, { value: "api_key_id", label: t("byKey") }]} />
        {(query.data?.currencies.length ?? 0) > 1 && <Select aria-label={t("currency")} w={100} data={query.data!.currencies} value={query.data!.currency} onChange={(value) => setCurrency(value ?? undefined)} allowDeselect={false} />}
      </Group>
      <Loaded query={{ ...query, data: drawn }} height={640}>
        {(data) =>
          data.rows.length === 0 ? (
            <Panel><EmptyState icon={IconChartBar} title={t("nothing")}>{t("nothingHint")}</EmptyState></Panel>
          ) : (
            <Stack gap="md"><Chart data={data} measure={drawnMeasure} nameOf={nameOf} /><Totals data={data} dimension={drawnDimension} nameOf={nameOf} /></Stack>
          )
        }
      </Loaded>
    </>
  );
}

type ChartProps = { data: UsageData; measure: Measure; nameOf: (id: string) => string };

const Chart = memo(function Chart({ data, measure, nameOf }: ChartProps) {
  const t = useMessages(messages);
  const format = useFormat();
  // The largest have colours of their own; the rest is one series, so that the picture stays readable.
  const [series, days] = useMemo(() => {
    const heightOf = HEIGHTS[measure];
    const largest = byKey(data.rows).sort((a, b) => heightOf(b) - heightOf(a)).map(({ key }) => key);
    const shown = new Set(largest.slice(0, SERIES));
    const byDay = new Map(data.days.map((day) => [day, {} as Record<string, number>]));
    for (const row of data.rows) {
      const key = shown.has(row.key) ? row.key : OTHERS;
      const heights = byDay.get(row.day) ?? {};
      heights[key] = (heights[key] ?? 0) + heightOf(row);
      byDay.set(row.day, heights);
    }
    return [largest.length > SERIES ? [...shown, OTHERS] : [...shown], byDay] as const;
  }, [data, measure]);
  const measureName = { cost: t("cost"), calls: t("calls"), tokens: t("tokens") }[measure];
  // Of a drawn height at most nine digits are true, as many as an amount has.
  const read = (height: number) =>
    measure === "cost" ? format.money(fromNanos(BigInt(Math.round(height * 1e9))), data.currency) : measure === "calls" ? format.number(height) : format.compact(height);

  return (
    <Panel title={t("chart", { measure: measureName })}>
      <DayChart
        label={t("chart", { measure: measureName })}
        height={280}
        series={series.map((key) => ({ key, label: key === OTHERS ? t("others") : nameOf(key) }))}
        days={[...days].map(([day, heights]) => ({ label: format.shortDay(day), heights }))}
        format={read}
      />
    </Panel>
  );
});

type TotalsProps = { data: UsageData; dimension: Dimension; nameOf: (id: string) => string };

const Totals = memo(function Totals({ data, dimension, nameOf }: TotalsProps) {
  const t = useMessages(messages);
  const format = useFormat();
  const [page, setPage] = useState(1);
  const groups = useMemo(() => byKey(data.rows), [data]);
  const total = useMemo(() => totalOf(data.rows), [data]);
  const pageCount = Math.ceil(groups.length / PAGE);
  const shown = groups.slice((Math.min(page, pageCount) - 1) * PAGE, Math.min(page, pageCount) * PAGE);
  const title = { model: t("byModel"), project_id: t("byProject"), api_key_id: t("byKey") }[dimension];
  const numbers = [t("calls"), t("input"), t("cached"), t("output"), t("cost")].map((name) => <div key={name} className="number">{name}</div>);
  const cells = (row: Omit<ReturnType<typeof totalOf>, "nanos">) =>
    [format.number(row.calls), format.number(row.input), format.number(row.cached), format.number(row.output), format.money(row.cost, data.currency)].map((value, i) => (
      <Table.Td key={i} className="number">{value}</Table.Td>
    ));
  return (
    <Panel title={title}>
      <WideTable label={title} minWidth={720} head={[title, ...numbers]}>
        {shown.map((row) => (
          <Table.Tr key={row.key}>
            <Table.Td className="breaks">
              <Text size="sm" fw={600}>{nameOf(row.key)}</Text>
              {nameOf(row.key) !== row.key && <Text size="xs" c="dimmed" ff="monospace">{row.key}</Text>}
            </Table.Td>
            {cells(row)}
          </Table.Tr>
        ))}
        <Table.Tr fw={650}><Table.Td>{t("total")}</Table.Td>{cells(total)}</Table.Tr>
      </WideTable>
      {pageCount > 1 && <Center mt="md"><Pagination total={pageCount} value={Math.min(page, pageCount)} onChange={setPage} getControlProps={(control) => ({ "aria-label": `${t("pages")}: ${control}` })} getItemProps={(n) => ({ "aria-label": `${t("pages")}: ${n}` })} /></Center>}
    </Panel>
  );
});
