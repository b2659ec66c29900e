import { Select } from "@mantine/core";
import { useMessages } from "../../i18n/language";
import { messages } from "./messages";

const DAYS = [7, 30, 90, 365] as const;
const DAY_SECONDS = 86_400;

/** After how long a key ends; nothing for never. */
export function ExpirySelect({ value, onChange }: { value: number | null; onChange: (seconds: number | null) => void }) {
  const t = useMessages(messages);
  return (
    <Select
      label={t("expiry")}
      placeholder={t("neverEnds")}
      data={DAYS.map((n) => ({ value: String(n * DAY_SECONDS), label: t("days", { n }) }))}
      value={value === null ? null : String(value)}
      onChange={(next) => onChange(next === null ? null : Number(next))}
      clearable
    />
  );
}
