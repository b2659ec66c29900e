import { fromNanos } from "../format/money";
import { startOfDay } from "../format/zone";
import { api, ask } from "./client";

/** By what usage and costs are told apart. */
export type Dimension = "model" | "project_id" | "api_key_id";

/** What was used and what it cost, of one day and one model, project or key. */
export type UsageRow = { day: number; key: string; calls: number; input: number; cached: number; output: number; nanos: bigint };

/** Usage by day, in the organisation's zone. */
export type Usage = { days: number[]; rows: UsageRow[]; currency: string; currencies: string[] };

type Bucket<T> = { start_time: number; results: T[] };
type Page<T> = { data: Bucket<T>[]; next_page?: string | null };

async function allPages<T>(ask: (page: string | undefined) => Promise<Page<T>>): Promise<Bucket<T>[]> {
  const buckets: Bucket<T>[] = [];
  let next: string | undefined;
  do {
    const page = await ask(next);
    buckets.push(...page.data);
    next = page.next_page ?? undefined;
  } while (next);
  return buckets;
}

/**
 * Reads usage and costs of the last days, today included. Costs are in one currency; where there are several,
 * in the one that is asked for, or else the first.
 */
export async function readUsage(dimension: Dimension, dayCount: number, zone: string, currency?: string): Promise<Usage> {
  const now = Math.floor(Date.now() / 1000);
  const start_time = startOfDay(now, zone, dayCount - 1);
  const [used, charged] = await Promise.all([
    allPages((page) =>
      ask(api.GET("/v1/organization/usage/completions", { params: { query: { start_time, bucket_width: "1d", limit: 31, group_by: [dimension], ...(page && { page }) } } })),
    ),
    allPages((page) =>
      // In costs, the line of an item is the model.
      ask(api.GET("/v1/organization/costs", { params: { query: { start_time, limit: 180, group_by: [dimension === "model" ? "line_item" : dimension], ...(page && { page }) } } })),
    ),
  ]);

  const rows = new Map<string, UsageRow>();
  const rowOf = (day: number, key: string) => {
    const id = `${day} ${key}`;
    const row = rows.get(id) ?? { day, key, calls: 0, input: 0, cached: 0, output: 0, nanos: 0n };
    rows.set(id, row);
    return row;
  };
  for (const { start_time: day, results } of used) {
    for (const result of results) {
      const row = rowOf(day, result[dimension] ?? "");
      row.calls += result.num_model_requests;
      row.input += result.input_tokens;
      row.cached += result.input_cached_tokens;
      row.output += result.output_tokens;
    }
  }
  const currencies = [...new Set(charged.flatMap(({ results }) => results.flatMap(({ amount }) => amount?.currency.toUpperCase() ?? [])))].sort();
  const chosen = currency && currencies.includes(currency) ? currency : (currencies[0] ?? "USD");
  for (const { start_time: day, results } of charged) {
    for (const { amount, ...result } of results) {
      if (amount?.currency.toUpperCase() !== chosen) continue;
      const key = dimension === "model" ? result.line_item : result[dimension];
      rowOf(day, key ?? "").nanos += BigInt(amount.nanos);
    }
  }
  return { days: used.map(({ start_time: day }) => day), rows: [...rows.values()], currency: chosen, currencies };
}

/** The sum of rows. */
export function totalOf(rows: readonly UsageRow[]) {
  const sum = { calls: 0, input: 0, cached: 0, output: 0, nanos: 0n };
  for (const row of rows) {
    sum.calls += row.calls;
    sum.input += row.input;
    sum.cached += row.cached;
    sum.output += row.output;
    sum.nanos += row.nanos;
  }
  return { ...sum, cost: fromNanos(sum.nanos) };
}

/** The sums of rows by model, project or key, the most expensive and then the busiest first. */
export function byKey(rows: readonly UsageRow[]) {
  const groups = new Map<string, UsageRow[]>();
  for (const row of rows) {
    const members = groups.get(row.key);
    if (members) members.push(row);
    else groups.set(row.key, [row]);
  }
  return [...groups]
    .map(([key, members]) => ({ key, ...totalOf(members) }))
    .sort((a, b) => (a.nanos === b.nanos ? b.calls - a.calls : a.nanos < b.nanos ? 1 : -1));
}
