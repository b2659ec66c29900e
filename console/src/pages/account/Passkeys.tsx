import { ActionIcon, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { IconFingerprint, IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { addPasskey, hasPasskeys, isDismissed } from "../../api/passkey";
import { account } from "../../api/session";
import { useConfirm } from "../../components/confirm";
import { FormDialog } from "../../components/FormDialog";
import { Loaded } from "../../components/Loaded";
import { shared } from "../../components/messages";
import { Panel } from "../../components/Panel";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { sessionQuery } from "../../shell/session";
import { messages } from "./messages";

const KEY = ["passkeys"];

/** The reader's passkeys. */
export function Passkeys() {
  const t = useMessages(messages);
  const s = useMessages(shared);
  const format = useFormat();
  const client = useQueryClient();
  const [dialog, confirm] = useConfirm();
  const [adds, setAdds] = useState(false);
  const [name, setName] = useState("");
  const list = useQuery({ queryKey: KEY, queryFn: async () => (await account.passkeys()).data });
  const refresh = () => Promise.all([KEY, sessionQuery.queryKey].map((queryKey) => client.invalidateQueries({ queryKey })));

  async function add() {
    try {
      await addPasskey(name.trim());
    } catch (error) {
      // The reader closed the browser's dialog: that is an answer and no fault.
      if (!isDismissed(error)) throw error;
    }
    setName("");
    await refresh();
  }

  const button = hasPasskeys()
    ? <Button size="sm" variant="default" leftSection={<IconFingerprint size={18} aria-hidden />} onClick={() => setAdds(true)}>{t("addPasskey")}</Button>
    : <Text size="sm" c="dimmed">{t("notSupported")}</Text>;
  return (
    <Panel title={t("passkeys")} lead={t("noPasskeysHint")}>
      <Loaded query={list} height={80}>
        {(rows) => (
          <Stack gap="sm">
            {rows.length === 0 && <Text size="sm" c="dimmed">{t("noPasskeys")}</Text>}
            {rows.map((passkey) => (
              <Group key={passkey.id} justify="space-between" wrap="nowrap">
                <div style={{ minWidth: 0 }}>
                  <Text size="sm" fw={600} className="breaks">{passkey.name}</Text>
                  <Text size="xs" c="dimmed">{s("created")}: {format.day(passkey.created_at)} · {t("lastUsed")}: {passkey.last_used_at ? format.time(passkey.last_used_at) : s("never")}</Text>
                </div>
                <ActionIcon
                  color="red"
                  aria-label={t("removePasskey", { name: passkey.name })}
                  onClick={() =>
                    confirm({
                      title: t("removePasskey", { name: passkey.name }),
                      text: t("removePasskeyText"),
                      action: t("remove"),
                      run: async () => {
                        await account.deletePasskey(passkey.id);
                        await refresh();
                      },
                    })
                  }
                >
                  <IconTrash size={18} aria-hidden />
                </ActionIcon>
              </Group>
            ))}
            <Group>{button}</Group>
          </Stack>
        )}
      </Loaded>
      {dialog}
      <FormDialog opened={adds} onClose={() => setAdds(false)} title={t("addPasskey")} action={t("begin")} ready={!!name.trim()} onSubmit={add}>
        <TextInput label={t("name")} description={t("nameHint")} required data-autofocus value={name} onChange={(e) => setName(e.currentTarget.value)} />
      </FormDialog>
    </Panel>
  );
}
