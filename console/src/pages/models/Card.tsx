import { Alert, Anchor, Modal, Stack, Table, Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { Schemas } from "../../api/client";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { messages } from "./messages";

type Entry = Schemas["CatalogEntry"];
type Lineage = { base?: string; relation?: string };
type Modalities = { input?: string[]; output?: string[] };

/** What is known of a model. */
export function Card({ entry, onClose }: { entry: Entry | null; onClose: () => void }) {
  const t = useMessages(messages);
  return (
    <Modal opened={entry !== null} onClose={onClose} title={entry?.name} size="lg" closeButtonProps={{ "aria-label": t("close") }}>
      {entry && <Facts entry={entry} />}
    </Modal>
  );
}

function Facts({ entry }: { entry: Entry }) {
  const t = useMessages(messages);
  const format = useFormat();
  const lineage = entry.lineage as Lineage | null | undefined;
  const { input = [], output = [] } = entry.modalities as Modalities;
  const { prices } = entry;
  const rows: [string, ReactNode][] = [
    [t("version"), entry.version],
    [t("task"), entry.task],
    [t("tier"), entry.tier],
    [t("capabilities"), entry.capabilities.join(", ")],
    [t("modalities"), `${input.join(", ")} → ${output.join(", ")}`],
    [t("parameters"), format.compact(entry.parameters)],
    [t("contextLength"), t("contextTokens", { n: format.number(entry.context_length) })],
    [t("size"), `${format.bytes(entry.size_bytes)} · ${entry.format}`],
    [t("licence"), <Anchor size="sm" href={/^https?:/.test(entry.licence.url) ? entry.licence.url : undefined} target="_blank" rel="noopener noreferrer">{entry.licence.spdx}</Anchor>],
  ];
  if (lineage?.base) rows.push([t("lineage"), [lineage.base, lineage.relation && `(${lineage.relation})`].filter(Boolean).join(" ")]);
  if (prices) {
    rows.push([t("prices"), Object.entries(prices.per_million).map(([unit, price]) => <div key={unit}>{unit}: {format.money(price, prices.currency)}</div>)]);
  }
  return (
    <Stack>
      <Text size="sm" className="breaks">{entry.description}</Text>
      {entry.licence.use && <Alert color="yellow" title={t("useNote")}>{entry.licence.use}</Alert>}
      <Table variant="vertical" layout="fixed">
        <Table.Tbody>
          {rows.map(([label, value]) => (
            <Table.Tr key={label}><Table.Th w="38%">{label}</Table.Th><Table.Td className="breaks">{value}</Table.Td></Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  );
}
