import { ActionIcon, Button, Group, Table, TextInput, Tooltip } from "@mantine/core";
import { IconKey, IconPlus, IconRobot, IconTrash } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { useConfirm } from "../../components/confirm";
import { SecretDialog } from "../../components/Copyable";
import { EmptyState } from "../../components/EmptyState";
import { FormDialog } from "../../components/FormDialog";
import { Loaded } from "../../components/Loaded";
import { shared } from "../../components/messages";
import { More, useList, WideTable } from "../../components/paged";
import { Panel } from "../../components/Panel";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { useMayWrite, useProject } from "../../shell/session";
import { ExpirySelect } from "./ExpirySelect";
import { messages } from "./messages";

/** The service accounts of the chosen project. */
export function ServiceAccounts() {
  const t = useMessages(messages);
  const s = useMessages(shared);
  const format = useFormat();
  const client = useQueryClient();
  const { project } = useProject();
  const mayWrite = useMayWrite("people");
  const [dialog, confirm] = useConfirm();
  // The account that gets another key, or "new" for one that is to be made.
  const [target, setTarget] = useState<"new" | { id: string; name: string } | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const key = ["service accounts", project];
  const list = useList(key, (after) =>
    ask(api.GET("/v1/organization/projects/{project_id}/service_accounts", { params: { path: { project_id: project }, query: { limit: 50, ...(after && { after }) } } })),
  );
  const refresh = async () => {
    await client.invalidateQueries({ queryKey: key });
    await client.invalidateQueries({ queryKey: ["project keys", project] });
  };
  const button = mayWrite && <Button size="sm" leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setTarget("new")}>{t("createAccount")}</Button>;

  return (
    <Panel title={t("serviceAccounts")} action={list.data?.length ? button : undefined}>
      <Loaded query={list} height={240}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState icon={IconRobot} title={t("noAccounts")} action={button}>{t("noAccountsHint")}</EmptyState>
          ) : (
            <WideTable label={t("serviceAccounts")} head={[t("name"), s("created"), ""]} minWidth={420}>
              {rows.map(({ id, name, created_at }) => (
                <Table.Tr key={id}>
                  <Table.Td className="breaks" fw={600}>{name}</Table.Td>
                  <Table.Td>{format.day(created_at)}</Table.Td>
                  <Table.Td className="narrow">
                    {mayWrite && (
                      <Group gap={4} wrap="nowrap">
                        <Tooltip label={t("newKey")}>
                          <ActionIcon onClick={() => setTarget({ id, name })} aria-label={t("newKeyOf", { name })}><IconKey size={18} aria-hidden /></ActionIcon>
                        </Tooltip>
                        <Tooltip label={t("remove")}>
                          <ActionIcon
                            color="red"
                            aria-label={t("removeAccount", { name })}
                            onClick={() =>
                              confirm({
                                title: t("removeAccount", { name }),
                                text: t("removeAccountText"),
                                action: t("remove"),
                                run: async () => {
                                  await ask(api.DELETE("/v1/organization/projects/{project_id}/service_accounts/{service_account_id}", { params: { path: { project_id: project, service_account_id: id } } }));
                                  await refresh();
                                },
                              })
                            }
                          >
                            <IconTrash size={18} aria-hidden />
                          </ActionIcon>
                        </Tooltip>
                      </Group>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </WideTable>
          )
        }
      </Loaded>
      <More list={list} />
      {dialog}
      {target && <AccountDialog project={project} account={target === "new" ? null : target} onClose={() => setTarget(null)} onKey={async (value) => { setSecret(value); await refresh(); }} />}
      <SecretDialog title={t("newKey")} secret={secret} onClose={() => setSecret(null)} />
    </Panel>
  );
}

type DialogProps = { project: string; account: { id: string; name: string } | null; onClose: () => void; onKey: (value: string) => Promise<void> };

function AccountDialog({ project, account, onClose, onKey }: DialogProps) {
  const t = useMessages(messages);
  const [name, setName] = useState("");
  const [expiry, setExpiry] = useState<number | null>(null);

  async function create() {
    const body = { name: name.trim(), ...(expiry !== null && { expires_in_seconds: expiry }) };
    if (account) {
      const path = { project_id: project, service_account_id: account.id };
      const key = await ask(api.POST("/v1/organization/projects/{project_id}/service_accounts/{service_account_id}/api_keys", { params: { path }, body }));
      await onKey(key.value);
    } else {
      const made = await ask(api.POST("/v1/organization/projects/{project_id}/service_accounts", { params: { path: { project_id: project } }, body }));
      await onKey(made.api_key.value);
    }
  }

  const title = account ? t("newKeyOf", { name: account.name }) : t("createAccount");
  return (
    <FormDialog opened onClose={onClose} title={title} action={account ? t("create") : t("createAccount")} ready={!!name.trim()} onSubmit={create}>
      <TextInput label={t("name")} required data-autofocus value={name} onChange={(e) => setName(e.currentTarget.value)} />
      <ExpirySelect value={expiry} onChange={setExpiry} />
    </FormDialog>
  );
}
