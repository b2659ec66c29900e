import { Badge, Drawer, Group, Select, Stack, Table, Text, UnstyledButton } from "@mantine/core";
import { IconListSearch } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { More, useList, WideTable } from "../../components/paged";
import { PageHead } from "../../components/PageHead";
import { Panel } from "../../components/Panel";
import { fromNanos } from "../../format/money";
import { useFormat } from "../../format/useFormat";
import { useMessages, useText } from "../../i18n/language";
import { CallDetails } from "./CallDetails";
import { calls } from "./index";
import { messages } from "./messages";
import { useStatuses } from "./useStatuses";

type Call = Schemas["UsageCall"];

/** Single calls, newest first; each opens with its timeline and what it moved in the ledger. */
export default function Calls() {
  const t = useMessages(messages);
  const text = useText();
  const format = useFormat();
  const statuses = useStatuses();
  const [status, setStatus] = useState("");
  const [open, setOpen] = useState<string>();
  const list = useList<Call>(["usage", "calls", status], (after) =>
    ask(api.GET("/v1/organization/usage/calls", { params: { query: { limit: 50, after, statuses: status ? [status] : undefined } } })),
  );
  const costOf = ({ cost }: Call) => (cost ? format.money(fromNanos(BigInt(cost.nanos)), cost.currency.toUpperCase()) : t("unknown"));
  const tokensOf = ({ units }: Call) => Object.entries(units).reduce((sum, [unit, count]) => (unit.endsWith("_tokens") ? sum + count : sum), 0);
  const head = [t("time"), t("model"), t("status"), ...[t("duration"), t("tokens"), t("cost")].map((name) => <div key={name} className="number">{name}</div>)];
  return (
    <>
      <PageHead title={text(calls.title)} lead={t("lead")} />
      <Group mb="md">
        <Select aria-label={t("status")} w={180} value={status} onChange={(value) => setStatus(value ?? "")} allowDeselect={false} data={[{ value: "", label: t("all") }, ...Object.entries(statuses).map(([value, { label }]) => ({ value, label }))]} />
      </Group>
      <Loaded query={list} height={480}>
        {(data) => (
          <Panel>
            {data.length === 0 ? (
              <EmptyState icon={IconListSearch} title={t("nothing")}>{t("nothingHint")}</EmptyState>
            ) : (
              <WideTable label={text(calls.title)} minWidth={720} head={head}>
                {data.map((call) => (
                  <Table.Tr key={call.id}>
                    <Table.Td>
                      <UnstyledButton c="var(--mantine-color-anchor)" fz="sm" aria-label={t("open", { id: call.id, time: format.time(call.created_at) })} onClick={() => setOpen(call.id)}>{format.time(call.created_at)}</UnstyledButton>
                    </Table.Td>
                    <Table.Td className="breaks">{call.model}</Table.Td>
                    <Table.Td><Badge variant="light" color={statuses[call.status]?.color ?? "gray"}>{statuses[call.status]?.label ?? call.status}</Badge></Table.Td>
                    <Table.Td className="number">{t("milliseconds", { n: format.number(call.duration_ms) })}</Table.Td>
                    <Table.Td className="number">{call.usage_known ? format.number(tokensOf(call)) : t("unknown")}</Table.Td>
                    <Table.Td className="number">{costOf(call)}</Table.Td>
                  </Table.Tr>
                ))}
              </WideTable>
            )}
            <More list={list} />
          </Panel>
        )}
      </Loaded>
      <Drawer opened={open !== undefined} onClose={() => setOpen(undefined)} position="right" size="lg" title={<Stack gap={0}><Text fw={650}>{t("call")}</Text><Text size="xs" c="dimmed" ff="monospace" className="breaks">{open}</Text></Stack>}>
        {open !== undefined && <CallDetails id={open} />}
      </Drawer>
    </>
  );
}
