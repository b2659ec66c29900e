import { ActionIcon, Button, Select, Table, Text, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconTrash, IconUserPlus } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, ask } from "../../api/client";
import { useConfirm } from "../../components/confirm";
import { ErrorNotice } from "../../components/ErrorNotice";
import { Loaded } from "../../components/Loaded";
import { shared } from "../../components/messages";
import { More, useList, WideTable } from "../../components/paged";
import { Panel } from "../../components/Panel";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { useMayWrite, useSession } from "../../shell/session";
import { messages } from "./messages";
import { roleOf, useRoles } from "./roles";

const KEY = ["users"];

/** The organisation's users and their roles. */
export function Users({ onInvite }: { onInvite: () => void }) {
  const t = useMessages(messages);
  const s = useMessages(shared);
  const format = useFormat();
  const client = useQueryClient();
  const { user: me } = useSession();
  const { nameOf, hintOf, options } = useRoles();
  const mayWrite = useMayWrite("people");
  const [dialog, confirm] = useConfirm();
  const list = useList(KEY, (after) => ask(api.GET("/v1/organization/users", { params: { query: { limit: 50, ...(after && { after }) } } })));
  const setRole = useMutation({
    mutationFn: ({ id, role }: { id: string; role: string }) => ask(api.POST("/v1/organization/users/{user_id}", { params: { path: { user_id: id } }, body: { role } })),
    onSuccess: () => {
      notifications.show({ message: s("saved") });
      return client.invalidateQueries({ queryKey: KEY });
    },
  });

  return (
    <Panel title={t("users")} action={mayWrite && <Button size="sm" leftSection={<IconUserPlus size={18} aria-hidden />} onClick={onInvite}>{t("invite")}</Button>}>
      <ErrorNotice error={setRole.error} />
      <Loaded query={list} height={240}>
        {(rows) => (
          <WideTable label={t("users")} minWidth={680} head={[t("name"), t("email"), t("role"), t("added"), ""]}>
            {rows.map(({ id, name, email, role, added_at }) => (
              <Table.Tr key={id}>
                <Table.Td className="breaks" fw={600}>{name}{id === me.id && <Text span size="xs" c="dimmed"> ({t("you")})</Text>}</Table.Td>
                <Table.Td className="breaks">{email}</Table.Td>
                <Table.Td w={230}>
                  {mayWrite && options.some(({ value }) => value === roleOf(role)) ? (
                    <Tooltip label={hintOf(role)}>
                      <Select
                        size="xs"
                        aria-label={t("roleOf", { name })}
                        data={options}
                        value={roleOf(role)}
                        allowDeselect={false}
                        disabled={setRole.isPending}
                        onChange={(next) => next && next !== roleOf(role) && setRole.mutate({ id, role: next })}
                      />
                    </Tooltip>
                  ) : (
                    nameOf(role)
                  )}
                </Table.Td>
                <Table.Td>{format.day(added_at)}</Table.Td>
                <Table.Td className="narrow">
                  {mayWrite && id !== me.id && (
                    <ActionIcon
                      color="red"
                      aria-label={t("removeUser", { name })}
                      onClick={() =>
                        confirm({
                          title: t("removeUser", { name }),
                          text: t("removeUserText", { email }),
                          action: t("remove"),
                          run: async () => {
                            await ask(api.DELETE("/v1/organization/users/{user_id}", { params: { path: { user_id: id } } }));
                            await client.invalidateQueries({ queryKey: KEY });
                          },
                        })
                      }
                    >
                      <IconTrash size={18} aria-hidden />
                    </ActionIcon>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </WideTable>
        )}
      </Loaded>
      <More list={list} />
      {dialog}
    </Panel>
  );
}
