import { Button, Group, NumberInput, SimpleGrid, Stack, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { ErrorNotice } from "../../components/ErrorNotice";
import { shared } from "../../components/messages";
import { Panel } from "../../components/Panel";
import { useMessages } from "../../i18n/language";
import { messages } from "./messages";

type Party = Schemas["PartyDetails"];

/** Who stands on invoices that are made from now on. */
export function InvoiceDetails({ details, mayWrite }: { details: Schemas["BillingDetails"]; mayWrite: boolean }) {
  const t = useMessages(messages);
  const s = useMessages(shared);
  const client = useQueryClient();
  const [form, setForm] = useState(details);
  const save = useMutation({
    mutationFn: () => ask(api.PUT("/v1/organization/billing/details", { body: form })),
    onSuccess: async () => {
      notifications.show({ message: s("saved") });
      await client.invalidateQueries({ queryKey: ["billing", "details"] });
    },
  });

  return (
    <>
      <PartyPanel title={t("customer")} party={form.customer ?? {}} onChange={(customer) => setForm({ ...form, customer })} mayWrite={mayWrite} />
      <PartyPanel title={t("issuer")} party={form.issuer ?? {}} onChange={(issuer) => setForm({ ...form, issuer })} mayWrite={mayWrite}>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput label={t("tax")} inputMode="decimal" disabled={!mayWrite} value={form.tax_percent ?? ""} onChange={(e) => setForm({ ...form, tax_percent: e.currentTarget.value.trim() })} />
          <NumberInput label={t("dueDays")} min={0} allowDecimal={false} disabled={!mayWrite} value={form.due_days ?? ""} onChange={(value) => setForm({ ...form, due_days: Number(value) })} />
        </SimpleGrid>
        <Textarea label={t("note")} description={t("noteHint")} autosize minRows={2} disabled={!mayWrite} value={form.payment_note ?? ""} onChange={(e) => setForm({ ...form, payment_note: e.currentTarget.value || null })} />
        <ErrorNotice error={save.error} />
        {mayWrite && <Group justify="flex-end"><Button loading={save.isPending} onClick={() => save.mutate()}>{s("save")}</Button></Group>}
      </PartyPanel>
    </>
  );
}

type PartyProps = { title: string; party: Party; onChange: (party: Party) => void; mayWrite: boolean; children?: React.ReactNode };

function PartyPanel({ title, party, onChange, mayWrite, children }: PartyProps) {
  const t = useMessages(messages);
  return (
    <Panel title={title}>
      <Stack>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput label={t("name")} disabled={!mayWrite} value={party.name ?? ""} onChange={(e) => onChange({ ...party, name: e.currentTarget.value })} />
          <TextInput label={t("taxId")} disabled={!mayWrite} value={party.tax_id ?? ""} onChange={(e) => onChange({ ...party, tax_id: e.currentTarget.value || null })} />
        </SimpleGrid>
        <Textarea label={t("address")} description={t("addressHint")} autosize minRows={2} disabled={!mayWrite} value={(party.address ?? []).join("\n")} onChange={(e) => onChange({ ...party, address: e.currentTarget.value ? e.currentTarget.value.split("\n") : [] })} />
        {children}
      </Stack>
    </Panel>
  );
}
