import { Button, Group, SegmentedControl, Select, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { profileQuery } from "../../api/queries";
import { ErrorNotice } from "../../components/ErrorNotice";
import { shared } from "../../components/messages";
import { Panel } from "../../components/Panel";
import { isAmount } from "../../format/money";
import { useMessages } from "../../i18n/language";
import { sessionQuery } from "../../shell/session";
import { messages } from "./messages";

const CURRENCIES = ["USD", "CNY", "EUR", "GBP", "HKD", "JPY", "SGD"];

// Chromium's list leaves UTC out.
const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];

/** The zone and how the organisation pays. */
export function Profile({ profile, mayWrite }: { profile: Schemas["BillingProfile"]; mayWrite: boolean }) {
  const t = useMessages(messages);
  const s = useMessages(shared);
  const client = useQueryClient();
  const [zone, setZone] = useState(profile.time_zone);
  const [mode, setMode] = useState(profile.mode);
  const [currency, setCurrency] = useState(profile.currency ?? null);
  const [creditLimit, setCreditLimit] = useState(profile.credit_limit ?? "");
  const isLimitRight = creditLimit === "" || isAmount(creditLimit);
  const zones = ZONES.includes(zone) ? ZONES : [zone, ...ZONES];
  const save = useMutation({
    mutationFn: () => ask(api.POST("/v1/organization/billing/profile", { body: { time_zone: zone, mode, credit_limit: creditLimit || null, currency } })),
    onSuccess: async () => {
      notifications.show({ message: s("saved") });
      // The session has the zone in it, by which every time is shown.
      await Promise.all([profileQuery.queryKey, sessionQuery.queryKey].map((queryKey) => client.invalidateQueries({ queryKey })));
    },
  });

  return (
    <Panel title={t("organisation")}>
      <Stack>
        <Select label={t("timeZone")} description={t("timeZoneHint")} data={zones} value={zone} onChange={(value) => value && setZone(value)} searchable allowDeselect={false} disabled={!mayWrite} limit={200} />
        <div>
          <Text size="sm" fw={500} mb={4}>{t("mode")}</Text>
          <SegmentedControl aria-label={t("mode")} value={mode} onChange={setMode} disabled={!mayWrite} data={[{ value: "prepaid", label: t("prepaid") }, { value: "postpaid", label: t("postpaid") }]} />
          <Text size="xs" c="dimmed" mt={4}>{mode === "prepaid" ? t("modeHint_prepaid") : t("modeHint_postpaid")}</Text>
        </div>
        <TextInput label={t("creditLimit")} description={t("creditLimitHint")} inputMode="decimal" value={creditLimit} error={!isLimitRight} onChange={(e) => setCreditLimit(e.currentTarget.value.trim())} disabled={!mayWrite} />
        <Select label={t("currency")} description={t("currencyHint")} placeholder={t("anyCurrency")} data={currency && !CURRENCIES.includes(currency) ? [currency, ...CURRENCIES] : CURRENCIES} value={currency} onChange={setCurrency} clearable disabled={!mayWrite} />
        <ErrorNotice error={save.error} />
        {mayWrite && <Group justify="flex-end"><Button loading={save.isPending} disabled={!isLimitRight} onClick={() => save.mutate()}>{s("save")}</Button></Group>}
      </Stack>
    </Panel>
  );
}
