import { Button, Group, PasswordInput, SimpleGrid, Stack } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { account as routes } from "../../api/session";
import { ErrorNotice } from "../../components/ErrorNotice";
import { PageHead } from "../../components/PageHead";
import { Panel } from "../../components/Panel";
import { useMessages, useText } from "../../i18n/language";
import { useSession } from "../../shell/session";
import { Authenticator } from "./Authenticator";
import { account } from "./index";
import { messages } from "./messages";
import { Passkeys } from "./Passkeys";
import { Sessions } from "./Sessions";

/** How the reader signs in, and where they are signed in. */
export default function Account() {
  const text = useText();
  const { user } = useSession();
  return (
    <>
      <PageHead title={text(account.title)} lead={`${user.name} · ${user.email}`} />
      <Stack gap="md">
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          <Password />
          <Stack gap="md"><Authenticator /><Passkeys /></Stack>
        </SimpleGrid>
        <Sessions />
      </Stack>
    </>
  );
}

function Password() {
  const t = useMessages(messages);
  const { user } = useSession();
  const [password, setPassword] = useState("");
  const [next, setNext] = useState("");
  const change = useMutation({
    mutationFn: () => routes.setPassword({ password, new_password: next }),
    onSuccess: () => {
      setPassword("");
      setNext("");
      notifications.show({ message: t("passwordSaved") });
    },
  });

  function submit(event: FormEvent) {
    event.preventDefault();
    change.mutate();
  }

  return (
    <Panel title={t("password")}>
      <form onSubmit={submit}>
        <Stack>
          {/* Password managers look for the name that the password belongs to. */}
          <input type="hidden" name="username" autoComplete="username" value={user.email} readOnly />
          <PasswordInput label={t("currentPassword")} autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.currentTarget.value)} />
          <PasswordInput label={t("newPassword")} description={t("newPasswordHint")} autoComplete="new-password" required minLength={12} value={next} onChange={(e) => setNext(e.currentTarget.value)} />
          <ErrorNotice error={change.error} />
          <Group justify="flex-end">
            <Button type="submit" loading={change.isPending} disabled={!password || !next}>{t("setPassword")}</Button>
          </Group>
        </Stack>
      </form>
    </Panel>
  );
}
