import { Button, PasswordInput, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState, type FormEvent } from "react";
import { ApiError } from "../api/client";
import { account } from "../api/session";
import { ErrorNotice } from "../components/ErrorNotice";
import { useMessages } from "../i18n/language";
import { Entrance } from "./Entrance";
import { messages } from "./messages";
import { useEnter } from "./session";

/** Where the link of an invitation leads: the invited chooses a name and a password, and is in. */
export function AcceptInvite() {
  const t = useMessages(messages);
  const { token } = useParams({ strict: false }) as { token: string };
  const navigate = useNavigate();
  const enter = useEnter();
  const invite = useQuery({ queryKey: ["console", "invite", token], queryFn: () => account.invite(token), retry: false });
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const session = await account.acceptInvite(token, { name, password });
      await navigate({ to: "/" });
      enter(session);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  }

  if (invite.error instanceof ApiError && invite.error.status === 404) {
    return (
      <Entrance title={t("inviteGone")} lead={t("inviteGoneHint")}>
        <Button variant="default" fullWidth onClick={() => void navigate({ to: "/" })}>{t("toSignIn")}</Button>
      </Entrance>
    );
  }
  if (!invite.data) {
    return <Entrance title="Tenfold">{invite.error ? <ErrorNotice error={invite.error} /> : <Skeleton height={220} />}</Entrance>;
  }
  return (
    <Entrance title={t("invitedTo", { name: invite.data.organization_name })}>
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          <Text size="sm" c="dimmed" className="breaks">{invite.data.email}</Text>
          <input type="hidden" autoComplete="username" value={invite.data.email} readOnly />
          <TextInput label={t("name")} autoComplete="name" required autoFocus value={name} onChange={(e) => setName(e.currentTarget.value)} />
          <PasswordInput label={t("password")} description={t("passwordHint")} autoComplete="new-password" required minLength={12} value={password} onChange={(e) => setPassword(e.currentTarget.value)} />
          <ErrorNotice error={error} />
          <Button type="submit" loading={busy}>{t("accept")}</Button>
        </Stack>
      </form>
    </Entrance>
  );
}
