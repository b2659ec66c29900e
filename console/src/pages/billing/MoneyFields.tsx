import { Group, Select, TextInput } from "@mantine/core";
import { isAmount } from "../../format/money";
import { useMessages } from "../../i18n/language";
import { messages } from "./messages";

/** An amount as it is typed, and its currency. */
export type Money = { amount: string; currency: string };

/** The currencies that are offered first. */
const CURRENCIES = ["USD", "CNY", "EUR", "GBP", "HKD", "JPY", "SGD"];

/** Asks for an amount of money. It stays the text that was typed. */
export function MoneyFields({ value, onChange, description }: { value: Money; onChange: (money: Money) => void; description?: string }) {
  const t = useMessages(messages);
  return (
    <Group gap="sm" align="flex-end" wrap="nowrap">
      <TextInput label={t("amount")} description={description} required inputMode="decimal" flex={1} value={value.amount} error={value.amount !== "" && !isAmount(value.amount)} onChange={(e) => onChange({ ...value, amount: e.currentTarget.value.trim() })} />
      <Select label={t("currency")} w={110} data={CURRENCIES.includes(value.currency) ? CURRENCIES : [value.currency, ...CURRENCIES]} value={value.currency} onChange={(currency) => currency && onChange({ ...value, currency })} allowDeselect={false} searchable />
    </Group>
  );
}
