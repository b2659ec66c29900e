import { Progress, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { Loaded } from "../../components/Loaded";
import { WideTable } from "../../components/paged";
import { accountName } from "../../format/account";
import { fromNanos } from "../../format/money";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { messages } from "./messages";
import { timelineOf } from "./timeline";
import { useStatuses } from "./useStatuses";

type Details = Schemas["UsageCallDetails"];

/** One call: when it did what, what it used, what it cost and moved. */
export function CallDetails({ id }: { id: string }) {
  const query = useQuery({
    queryKey: ["usage", "call", id],
    queryFn: () => ask(api.GET("/v1/organization/usage/calls/{call_id}", { params: { path: { call_id: id } } })),
  });
  return <Loaded query={query} height={420}>{(call) => <Stack gap="lg"><TimelineOf call={call} /><Facts call={call} /><Entries call={call} /></Stack>}</Loaded>;
}

function TimelineOf({ call }: { call: Details }) {
  const t = useMessages(messages);
  const format = useFormat();
  const parts = timelineOf(call);
  const shown = ([["queue", t("queue"), "gray.6"], ["prompt", t("prompt"), "cyan.8"], ["answer", t("answer"), "teal.8"]] as const).filter(([part]) => parts[part] !== undefined);
  const share = (ms: number) => (call.duration_ms > 0 ? (ms / call.duration_ms) * 100 : 0);
  return (
    <section>
      <Title order={3} mb="xs">{t("timeline")}</Title>
      <Progress.Root size={20} aria-hidden>
        {shown.map(([part, , color]) => <Progress.Section key={part} value={share(parts[part]!)} color={color} />)}
      </Progress.Root>
      <Table mt="xs" aria-label={t("timeline")}>
        <Table.Tbody>{shown.map(([part, label]) => <Fact key={part} name={label}>{t("milliseconds", { n: format.number(parts[part]!) })}</Fact>)}</Table.Tbody>
      </Table>
    </section>
  );
}

function Facts({ call }: { call: Details }) {
  const t = useMessages(messages);
  const format = useFormat();
  const statuses = useStatuses();
  const status = statuses[call.status]?.label ?? call.status;
  const units = Object.entries(call.units).map(([unit, count]) => `${unit.replaceAll("_", " ")}: ${format.number(count)}`).join("\n");
  return (
    <Table aria-label={t("event")}>
      <Table.Tbody>
        <Fact name={t("time")}>{format.time(call.created_at)}</Fact>
        <Fact name={t("operation")}>{call.operation}</Fact>
        <Fact name={t("model")}>{call.model}</Fact>
        <Fact name={t("version")}>{call.model_version}</Fact>
        <Fact name={t("status")}>{call.error_code ? `${status} (${call.error_code})` : status}</Fact>
        <Fact name={t("units")}>{call.usage_known ? units : t("unknown")}</Fact>
        <Fact name={t("cost")}>{call.cost ? format.money(fromNanos(BigInt(call.cost.nanos)), call.cost.currency.toUpperCase()) : t("unknown")}</Fact>
        <Fact name={t("price")}>{call.price_version}</Fact>
        <Fact name={t("energy")}>{call.energy_millijoules == null ? null : `${format.number(call.energy_millijoules / 1000)} J (${call.energy_source})`}</Fact>
        <Fact name={t("project")}>{call.project_id}</Fact>
        <Fact name={t("key")}>{call.api_key_id}</Fact>
        <Fact name={t("person")}>{call.user_id}</Fact>
        <Fact name={t("replica")}>{call.replica_id}</Fact>
        <Fact name={t("node")}>{call.node}</Fact>
        <Fact name={t("request")}>{call.request_id}</Fact>
        <Fact name={t("event")}>{call.event_id}</Fact>
      </Table.Tbody>
    </Table>
  );
}

/** A row of what is known; none for what is not. */
function Fact({ name, children }: { name: string; children: ReactNode }) {
  if (children === null || children === undefined) return null;
  return (
    <Table.Tr>
      <Table.Th scope="row" w={160}>{name}</Table.Th>
      <Table.Td className="breaks" style={{ whiteSpace: "pre-line" }}>{children}</Table.Td>
    </Table.Tr>
  );
}

function Entries({ call }: { call: Details }) {
  const t = useMessages(messages);
  const format = useFormat();
  return (
    <section>
      <Title order={3} mb="xs">{t("entries")}</Title>
      {call.entries.length === 0 ? (
        <Text size="sm" c="dimmed">{t("nothingCharged")}</Text>
      ) : (
        <WideTable label={t("entries")} minWidth={360} head={[t("from"), t("to"), <div key="amount" className="number">{t("amount")}</div>]}>
          {call.entries.map((entry) => (
            <Table.Tr key={entry.id}>
              <Table.Td className="breaks">{accountName(entry.debit)}</Table.Td>
              <Table.Td className="breaks">{accountName(entry.credit)}</Table.Td>
              <Table.Td className="number">{format.money(entry.amount, entry.currency)}</Table.Td>
            </Table.Tr>
          ))}
        </WideTable>
      )}
    </section>
  );
}
