import { Button, TextInput } from "@mantine/core";
import { IconKey, IconPlus } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { useConfirm } from "../../components/confirm";
import { SecretDialog } from "../../components/Copyable";
import { EmptyState } from "../../components/EmptyState";
import { FormDialog } from "../../components/FormDialog";
import { Loaded } from "../../components/Loaded";
import { More, useList } from "../../components/paged";
import { Panel } from "../../components/Panel";
import { useMessages } from "../../i18n/language";
import { useMayWrite } from "../../shell/session";
import { ExpirySelect } from "./ExpirySelect";
import { KeyTable } from "./KeyTable";
import { messages } from "./messages";

const KEY = ["admin keys"];

/** The keys that administer the organisation. */
export function AdminKeys() {
  const t = useMessages(messages);
  const client = useQueryClient();
  const mayWrite = useMayWrite("people");
  const [dialog, confirm] = useConfirm();
  const [creates, setCreates] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const refresh = () => client.invalidateQueries({ queryKey: KEY });
  const list = useList(KEY, (after) => ask(api.GET("/v1/organization/admin_api_keys", { params: { query: { limit: 50, ...(after && { after }) } } })));

  return (
    <Panel title={t("adminKeys")} lead={t("adminLead")} action={mayWrite && <Button size="sm" leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setCreates(true)}>{t("create")}</Button>}>
      <Loaded query={list} height={200}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState icon={IconKey} title={t("noneAdmin")} />
          ) : (
            <KeyTable
              label={t("adminKeys")}
              rows={rows.map((row) => ({ ...row, ownerName: row.owner.name }))}
              onRevoke={
                mayWrite
                  ? (row) =>
                      confirm({
                        title: t("revokeKey", { name: row.name }),
                        text: t("revokeText"),
                        action: t("revoke"),
                        run: async () => {
                          await ask(api.DELETE("/v1/organization/admin_api_keys/{key_id}", { params: { path: { key_id: row.id } } }));
                          await refresh();
                        },
                      })
                  : undefined
              }
            />
          )
        }
      </Loaded>
      <More list={list} />
      {dialog}
      {creates && <CreateDialog onClose={() => setCreates(false)} onCreated={async (value) => { setSecret(value); await refresh(); }} />}
      <SecretDialog title={t("newKey")} secret={secret} onClose={() => setSecret(null)} />
    </Panel>
  );
}

function CreateDialog({ onClose, onCreated }: { onClose: () => void; onCreated: (value: string) => Promise<void> }) {
  const t = useMessages(messages);
  const [name, setName] = useState("");
  const [expiry, setExpiry] = useState<number | null>(null);

  async function create() {
    const body = { name: name.trim(), ...(expiry !== null && { expires_in_seconds: expiry }) };
    const key = await ask(api.POST("/v1/organization/admin_api_keys", { body }));
    await onCreated(key.value!);
  }

  return (
    <FormDialog opened onClose={onClose} title={t("create")} action={t("create")} ready={!!name.trim()} onSubmit={create}>
      <TextInput label={t("name")} required data-autofocus value={name} onChange={(e) => setName(e.currentTarget.value)} />
      <ExpirySelect value={expiry} onChange={setExpiry} />
    </FormDialog>
  );
}
