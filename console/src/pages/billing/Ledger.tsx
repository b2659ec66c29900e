import { Badge, Table, Text } from "@mantine/core";
import { IconBook2 } from "@tabler/icons-react";
import { api, ask } from "../../api/client";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { More, useList, WideTable } from "../../components/paged";
import { Panel } from "../../components/Panel";
import { accountName } from "../../format/account";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { messages } from "./messages";

/** How money moved, to the billionth. */
export function Ledger() {
  const t = useMessages(messages);
  const format = useFormat();
  const list = useList(["billing", "entries"], (after) => ask(api.GET("/v1/organization/billing/entries", { params: { query: { limit: 50, ...(after && { after }) } } })));
  return (
    <Panel title={t("ledger")}>
      <Loaded query={list} height={400}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState icon={IconBook2} title={t("noLedger")} />
          ) : (
            <WideTable label={t("ledger")} minWidth={760} head={[t("date"), t("kind"), t("from"), t("to"), t("memo"), <div key="amount" className="number">{t("amount")}</div>]}>
              {rows.map((entry) => (
                <Table.Tr key={entry.id}>
                  <Table.Td>{format.time(entry.created_at)}</Table.Td>
                  <Table.Td><Badge variant="light" color="gray">{entry.kind}</Badge></Table.Td>
                  <Table.Td className="breaks">{accountName(entry.debit)}</Table.Td>
                  <Table.Td className="breaks">{accountName(entry.credit)}</Table.Td>
                  <Table.Td className="breaks">{entry.memo}<Text size="xs" c="dimmed" ff="monospace">{entry.transaction}</Text></Table.Td>
                  <Table.Td className="number">{format.money(entry.amount, entry.currency)}</Table.Td>
                </Table.Tr>
              ))}
            </WideTable>
          )
        }
      </Loaded>
      <More list={list} />
    </Panel>
  );
}
