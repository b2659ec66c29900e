import type { UsageRow } from "../../api/usage";
import { fromNanos } from "../../format/money";

// A spreadsheet runs a cell that begins with one of these as a formula, and names come from outside.
const FORMULA = /^[=+\-@\t\r]/;

function cell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Usage as a table for a spreadsheet; amounts have all their digits. */
export function toCsv(rows: readonly UsageRow[], currency: string, dayOf: (day: number) => string, nameOf: (key: string) => string): string {
  const head = ["day", "id", "name", "calls", "input_tokens", "cached_tokens", "output_tokens", "cost", "currency"];
  const lines = rows.map((row) =>
    [dayOf(row.day), row.key, nameOf(row.key), row.calls, row.input, row.cached, row.output, fromNanos(row.nanos), currency].map((value) => cell(String(value))).join(","),
  );
  return [head.join(","), ...lines, ""].join("\r\n");
}
