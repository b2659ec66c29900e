import { Badge, Button, Table } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { account } from "../../api/session";
import { useConfirm } from "../../components/confirm";
import { Loaded } from "../../components/Loaded";
import { WideTable } from "../../components/paged";
import { Panel } from "../../components/Panel";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { browserName } from "./browserName";
import { messages } from "./messages";

const KEY = ["sessions"];

/** The browsers that are signed in as the reader. */
export function Sessions() {
  const t = useMessages(messages);
  const format = useFormat();
  const client = useQueryClient();
  const [dialog, confirm] = useConfirm();
  const list = useQuery({ queryKey: KEY, queryFn: async () => (await account.sessions()).data });

  function end(id: string, browser: string) {
    confirm({
      title: t("endSession", { browser }),
      text: t("endSessionText"),
      action: t("end"),
      run: async () => {
        await account.endSession(id);
        await client.invalidateQueries({ queryKey: KEY });
      },
    });
  }

  return (
    <Panel title={t("sessions")}>
      <Loaded query={list} height={140}>
        {(rows) => (
          <WideTable label={t("sessions")} minWidth={520} head={[t("browser"), t("signedIn"), t("lastSeen"), ""]}>
            {rows.map((one) => {
              const browser = browserName(one.user_agent);
              return (
                <Table.Tr key={one.id}>
                  <Table.Td className="breaks" fw={600}>{browser}{one.is_this_one && <Badge ml="xs" variant="light">{t("thisOne")}</Badge>}</Table.Td>
                  <Table.Td>{format.time(one.created_at)}</Table.Td>
                  <Table.Td>{format.time(one.last_seen_at)}</Table.Td>
                  <Table.Td className="narrow">{!one.is_this_one && <Button size="xs" variant="default" aria-label={t("endSession", { browser })} onClick={() => end(one.id, browser)}>{t("end")}</Button>}</Table.Td>
                </Table.Tr>
              );
            })}
          </WideTable>
        )}
      </Loaded>
      {dialog}
    </Panel>
  );
}
