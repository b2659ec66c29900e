import { Anchor, Badge, Button, Group, Select, Table } from "@mantine/core";
import { IconFileInvoice } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { EmptyState } from "../../components/EmptyState";
import { FormDialog } from "../../components/FormDialog";
import { Loaded } from "../../components/Loaded";
import { More, useList, WideTable } from "../../components/paged";
import { Panel } from "../../components/Panel";
import { toNanos } from "../../format/money";
import { useFormat } from "../../format/useFormat";
import { pastMonths } from "../../format/zone";
import { useLanguage, useMessages } from "../../i18n/language";
import { useMayWrite } from "../../shell/session";
import { messages } from "./messages";
import { useCurrency } from "./useCurrency";

const KEY = ["billing", "invoices"];

/** Invoices and credit notes, to look at and to download. */
export function Invoices() {
  const t = useMessages(messages);
  const format = useFormat();
  const { language } = useLanguage();
  const client = useQueryClient();
  const mayWrite = useMayWrite("billing");
  const currency = useCurrency();
  const [makes, setMakes] = useState(false);
  const list = useList(KEY, (after) => ask(api.GET("/v1/organization/billing/invoices", { params: { query: { limit: 50, ...(after && { after }) } } })));
  const month = new Intl.DateTimeFormat("sv-SE", { timeZone: format.zone, year: "numeric", month: "2-digit" }).format(new Date());
  const actions = (
    <Group gap="sm">
      <Button size="sm" variant="default" component="a" target="_blank" href={`/v1/organization/billing/statement?${new URLSearchParams({ month, currency, format: "pdf", language })}`}>{t("statement")}</Button>
      {mayWrite && <Button size="sm" onClick={() => setMakes(true)}>{t("makeInvoice")}</Button>}
    </Group>
  );

  return (
    <Panel title={t("invoices")} action={actions}>
      <Loaded query={list} height={240}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState icon={IconFileInvoice} title={t("noInvoices")}>{t("noInvoicesHint")}</EmptyState>
          ) : (
            <WideTable label={t("invoices")} minWidth={760} head={[t("invoice"), t("period"), t("issued"), t("due"), t("state"), <div key="total" className="number">{t("total")}</div>, <div key="owed" className="number">{t("owed")}</div>, ""]}>
              {rows.map((invoice) => (
                <Table.Tr key={invoice.id}>
                  <Table.Td fw={600}>{invoice.number}{invoice.object === "billing.credit_note" && <Badge ml="xs" variant="light" color="grape">{t("creditNote")}</Badge>}</Table.Td>
                  <Table.Td>{invoice.month}</Table.Td>
                  <Table.Td>{format.day(invoice.issued_at)}</Table.Td>
                  <Table.Td>{invoice.due_at ? format.day(invoice.due_at) : ""}</Table.Td>
                  <Table.Td><Badge variant="light" color={invoice.status === "open" ? "orange" : "gray"}>{invoice.status === "open" ? t("open") : t("settled")}</Badge></Table.Td>
                  <Table.Td className="number">{format.money(invoice.total, invoice.currency)}</Table.Td>
                  <Table.Td className="number" fw={toNanos(invoice.owed) > 0n ? 600 : undefined}>{format.money(invoice.owed, invoice.currency)}</Table.Td>
                  <Table.Td className="narrow">
                    <Group gap="sm" wrap="nowrap">
                      {["pdf", "csv"].map((kind) => (
                        <Anchor key={kind} size="sm" target="_blank" aria-label={kind === "pdf" ? t("pdf", { number: invoice.number }) : `CSV ${invoice.number}`} href={`/v1/organization/billing/invoices/${encodeURIComponent(invoice.id)}/document?${new URLSearchParams({ format: kind, language })}`}>{kind.toUpperCase()}</Anchor>
                      ))}
                    </Group>
                  </Table.Td>
                </Table.Tr>
              ))}
            </WideTable>
          )
        }
      </Loaded>
      <More list={list} />
      {makes && <MakeDialog onClose={() => setMakes(false)} onDone={() => client.invalidateQueries({ queryKey: ["billing"] })} />}
    </Panel>
  );
}

function MakeDialog({ onClose, onDone }: { onClose: () => void; onDone: () => Promise<unknown> }) {
  const t = useMessages(messages);
  const { zone } = useFormat();
  const currency = useCurrency();
  const months = pastMonths(Date.now() / 1000, zone, 12);
  const [month, setMonth] = useState(months[0]!);

  async function make() {
    await ask(api.POST("/v1/organization/billing/invoices", { body: { month, currency } }));
    await onDone();
  }

  return (
    <FormDialog opened onClose={onClose} title={t("makeInvoice")} action={t("makeInvoice")} onSubmit={make}>
      <Select label={t("month")} description={t("makeInvoiceHint")} data={months} value={month} onChange={(value) => value && setMonth(value)} allowDeselect={false} />
    </FormDialog>
  );
}
