import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { account } from "../api/session";
import { ErrorNotice } from "../components/ErrorNotice";
import { useMessages } from "../i18n/language";
import { Entrance } from "./Entrance";
import { messages } from "./messages";
import { useEnter } from "./session";

/** The first run: whoever holds the admin key makes the owner's account. */
export function SetUp() {
  const t = useMessages(messages);
  const enter = useEnter();
  const client = useQueryClient();
  const [form, setForm] = useState({ admin_key: "", name: "", email: "", password: "" });
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const field = (key: keyof typeof form) => ({
    required: true,
    value: form[key],
    onChange: (e: { currentTarget: { value: string } }) => {
      const { value } = e.currentTarget;
      setForm((old) => ({ ...old, [key]: value }));
    },
  });

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      enter(await account.setUp({ ...form, admin_key: form.admin_key.trim() }));
      await client.invalidateQueries({ queryKey: ["console"] });
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Entrance title={t("setUpTitle")} lead={t("setUpLead")}>
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          <PasswordInput label={t("adminKey")} description={t("adminKeyHint")} autoComplete="off" autoFocus {...field("admin_key")} />
          <TextInput label={t("name")} autoComplete="name" {...field("name")} />
          <TextInput label={t("email")} type="email" autoComplete="username" {...field("email")} />
          <PasswordInput label={t("password")} description={t("passwordHint")} autoComplete="new-password" minLength={12} {...field("password")} />
          <ErrorNotice error={error} />
          <Button type="submit" loading={busy}>{t("finishSetUp")}</Button>
        </Stack>
      </form>
    </Entrance>
  );
}
