import { ActionIcon, Code, Table, Text, Tooltip } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { shared } from "../../components/messages";
import { WideTable } from "../../components/paged";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { messages } from "./messages";

/** What a list of keys shows of each. */
export type KeyRow = {
  id: string;
  name: string;
  redacted_value: string;
  created_at: number;
  last_used_at?: number | null;
  expires_at?: number | null;
  scopes?: string[];
  ownerName: string;
};

const SCOPES = { "model.request": "scope_model_request", "api.read": "scope_api_read", "api.management": "scope_api_management" } as const;

/** A scope in the reader's language; one that is not known here, as it is. */
export function useScopeName(): (scope: string) => string {
  const t = useMessages(messages);
  return (scope) => (scope in SCOPES ? t(SCOPES[scope as keyof typeof SCOPES]) : scope);
}

/** The scopes that a key may be given. */
export const SCOPE_NAMES = Object.keys(SCOPES);

/** Keys, without their values. */
export function KeyTable({ label, rows, onRevoke }: { label: string; rows: KeyRow[]; onRevoke: ((row: KeyRow) => void) | undefined }) {
  const t = useMessages(messages);
  const s = useMessages(shared);
  const format = useFormat();
  const scopeName = useScopeName();
  return (
    <WideTable label={label} minWidth={820} head={[t("name"), t("value"), t("owner"), t("scopes"), s("created"), t("lastUsed"), t("expires"), ""]}>
      {rows.map((row) => (
        <Table.Tr key={row.id}>
          <Table.Td className="breaks" fw={600}>{row.name}</Table.Td>
          <Table.Td><Code style={{ whiteSpace: "nowrap" }}>{row.redacted_value}</Code></Table.Td>
          <Table.Td className="breaks">{row.ownerName}</Table.Td>
          <Table.Td>{row.scopes?.length ? row.scopes.map(scopeName).join(", ") : t("allScopes")}</Table.Td>
          <Table.Td>{format.day(row.created_at)}</Table.Td>
          <Table.Td>{row.last_used_at ? format.time(row.last_used_at) : <Text size="sm" c="dimmed">{s("never")}</Text>}</Table.Td>
          <Table.Td>{row.expires_at ? format.day(row.expires_at) : t("neverEnds")}</Table.Td>
          <Table.Td className="narrow">
            {onRevoke && (
              <Tooltip label={t("revoke")}>
                <ActionIcon color="red" onClick={() => onRevoke(row)} aria-label={t("revokeKey", { name: row.name })}><IconTrash size={18} aria-hidden /></ActionIcon>
              </Tooltip>
            )}
          </Table.Td>
        </Table.Tr>
      ))}
    </WideTable>
  );
}
