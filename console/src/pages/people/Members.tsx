import { ActionIcon, Button, Group, Modal, Select, Stack, Table, Text } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { useConfirm } from "../../components/confirm";
import { ErrorNotice } from "../../components/ErrorNotice";
import { Loaded } from "../../components/Loaded";
import { More, useList, WideTable } from "../../components/paged";
import { useMessages } from "../../i18n/language";
import { useMayWrite } from "../../shell/session";
import { messages } from "./messages";

/** The users of a project and their roles there. */
export function Members({ project, onClose }: { project: { id: string; name: string }; onClose: () => void }) {
  const t = useMessages(messages);
  const client = useQueryClient();
  const mayWrite = useMayWrite("people");
  const [dialog, confirm] = useConfirm();
  const [user, setUser] = useState<string | null>(null);
  const [role, setRole] = useState("member");
  const key = ["members", project.id];
  const path = { project_id: project.id };
  const roles = [{ value: "member", label: t("projectRole_member") }, { value: "owner", label: t("projectRole_owner") }];
  const list = useList(key, (after) => ask(api.GET("/v1/organization/projects/{project_id}/users", { params: { path, query: { limit: 50, ...(after && { after }) } } })));
  const users = useQuery({
    queryKey: ["users", "names"],
    queryFn: async () => (await ask(api.GET("/v1/organization/users", { params: { query: { limit: 100 } } }))).data,
    enabled: mayWrite,
  });
  const add = useMutation({
    mutationFn: () => ask(api.POST("/v1/organization/projects/{project_id}/users", { params: { path }, body: { user_id: user!, role } })),
    onSuccess: () => {
      setUser(null);
      return client.invalidateQueries({ queryKey: key });
    },
  });
  const outside = users.data?.filter(({ id }) => !list.data?.some((member) => member.id === id)) ?? [];

  return (
    <Modal opened onClose={onClose} title={t("membersOf", { name: project.name })} size="lg" closeButtonProps={{ "aria-label": t("close") }}>
      <Stack>
        {mayWrite && (
          <Group align="flex-end" gap="sm">
            <Select flex={1} miw={180} label={t("member")} data={outside.map(({ id, name, email }) => ({ value: id, label: `${name} (${email})` }))} value={user} onChange={setUser} searchable />
            <Select w={130} label={t("role")} data={roles} value={role} onChange={(value) => value && setRole(value)} allowDeselect={false} />
            <Button disabled={!user} loading={add.isPending} onClick={() => add.mutate()}>{t("addMember")}</Button>
          </Group>
        )}
        <ErrorNotice error={add.error} />
        <Loaded query={list} height={120}>
          {(rows) =>
            rows.length === 0 ? (
              <Text size="sm" c="dimmed">{t("noMembers")}</Text>
            ) : (
              <WideTable label={t("membersOf", { name: project.name })} minWidth={420} head={[t("name"), t("email"), t("memberRole", { project: project.name }), ""]}>
                {rows.map((member) => (
                  <Table.Tr key={member.id}>
                    <Table.Td className="breaks">{member.name}</Table.Td>
                    <Table.Td className="breaks">{member.email}</Table.Td>
                    <Table.Td>{roles.find(({ value }) => value === member.role)?.label ?? member.role}</Table.Td>
                    <Table.Td className="narrow">
                      {mayWrite && (
                        <ActionIcon
                          color="red"
                          aria-label={t("removeMember", { name: member.name })}
                          onClick={() =>
                            confirm({
                              title: t("removeMember", { name: member.name }),
                              text: t("removeMemberText"),
                              action: t("remove"),
                              run: async () => {
                                await ask(api.DELETE("/v1/organization/projects/{project_id}/users/{user_id}", { params: { path: { ...path, user_id: member.id } } }));
                                await client.invalidateQueries({ queryKey: key });
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
            )
          }
        </Loaded>
        <More list={list} />
      </Stack>
      {dialog}
    </Modal>
  );
}
