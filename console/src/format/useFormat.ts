import { useMemo } from "react";
import { useOptionalSession } from "../shell/session";
import { useLanguage } from "../i18n/language";
import { formatMoney } from "./money";

/** How this reader sees numbers, money and times: by locale, in the organisation's zone. */
export function useFormat() {
  const { locale } = useLanguage();
  const zone = useOptionalSession()?.organization.time_zone ?? "UTC";
  return useMemo(() => {
    const number = new Intl.NumberFormat(locale);
    const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
    const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
    const time = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", timeZone: zone });
    const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone: zone });
    const shortDay = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", timeZone: zone });
    return {
      zone,
      number: (value: number) => number.format(value),
      compact: (value: number) => compact.format(value),
      percent: (value: number) => percent.format(value),
      bytes: (value: number) => formatBytes(value, locale),
      money: (amount: string, currency: string) => formatMoney(amount, currency, locale),
      time: (seconds: number) => time.format(seconds * 1000),
      day: (seconds: number) => day.format(seconds * 1000),
      shortDay: (seconds: number) => shortDay.format(seconds * 1000),
    };
  }, [locale, zone]);
}

/** What `useFormat` gives. */
export type Format = ReturnType<typeof useFormat>;

function formatBytes(value: number, locale: string): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: units[power],
    unitDisplay: "short",
    maximumFractionDigits: power < 2 ? 0 : 1,
  }).format(value / 1000 ** power);
}
