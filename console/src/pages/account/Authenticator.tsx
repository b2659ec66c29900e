import { Badge, Button, Center, Group, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { account } from "../../api/session";
import { CopyBlock, SecretDialog } from "../../components/Copyable";
import { FormDialog } from "../../components/FormDialog";
import { Panel } from "../../components/Panel";
import { QrCode } from "../../components/QrCode";
import { useMessages } from "../../i18n/language";
import { sessionQuery, useSession } from "../../shell/session";
import { messages } from "./messages";

type Step = { name: "closed" | "password" | "off" } | { name: "scan"; secret: string; url: string };

/** The second step of a sign-in with a password. Nothing changes until a code has shown that the app knows the secret. */
export function Authenticator() {
  const t = useMessages(messages);
  const client = useQueryClient();
  const { user } = useSession();
  const [step, setStep] = useState<Step>({ name: "closed" });
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [recovery, setRecovery] = useState<string | null>(null);
  const refresh = () => client.invalidateQueries({ queryKey: sessionQuery.queryKey });

  // A step that was taken opens the next dialog, so it must not be closed by the one before it.
  const close = (of: Step["name"]) => {
    setPassword("");
    setCode("");
    setStep((now) => (now.name === of ? { name: "closed" } : now));
  };

  async function begin() {
    const { secret, url } = await account.beginTotp(password);
    setStep({ name: "scan", secret, url });
  }

  async function confirm() {
    const { recovery_codes } = await account.confirmTotp(code.trim());
    setRecovery(recovery_codes.join("\n"));
    await refresh();
  }

  async function switchOff() {
    await account.endTotp({ password, code: code.trim() });
    await refresh();
  }

  const passwordField = <PasswordInput label={t("currentPassword")} autoComplete="current-password" required data-autofocus value={password} onChange={(e) => setPassword(e.currentTarget.value)} />;
  const codeField = <TextInput label={t("code")} description={t("codeHint")} inputMode="numeric" autoComplete="one-time-code" required value={code} onChange={(e) => setCode(e.currentTarget.value)} />;
  return (
    <Panel title={t("authenticator")} lead={t("authenticatorHint")} action={<Badge variant="light" color={user.has_totp ? "lake" : "gray"}>{user.has_totp ? t("on") : t("off")}</Badge>}>
      <Group>
        {user.has_totp
          ? <Button size="sm" variant="default" onClick={() => setStep({ name: "off" })}>{t("switchOff")}</Button>
          : <Button size="sm" onClick={() => setStep({ name: "password" })}>{t("switchOn")}</Button>}
      </Group>
      <FormDialog opened={step.name === "password"} onClose={() => close("password")} title={t("authenticator")} action={t("begin")} ready={!!password} onSubmit={begin}>{passwordField}</FormDialog>
      {step.name === "scan" && (
        <FormDialog opened onClose={() => close("scan")} title={t("authenticator")} action={t("confirm")} ready={!!code.trim()} onSubmit={confirm}>
          <Text size="sm">{t("scan")}</Text>
          <Center><QrCode text={step.url} label={t("scan")} /></Center>
          <Stack gap={4}><Text size="sm">{t("manual")}</Text><CopyBlock text={step.secret} /></Stack>
          {codeField}
        </FormDialog>
      )}
      <FormDialog opened={step.name === "off"} onClose={() => close("off")} title={t("switchOffTitle")} action={t("switchOff")} ready={!!password && !!code.trim()} onSubmit={switchOff}>{passwordField}{codeField}</FormDialog>
      <SecretDialog title={t("recoveryCodes")} secret={recovery} onClose={() => setRecovery(null)}><Text size="sm">{t("recoveryHint")}</Text></SecretDialog>
    </Panel>
  );
}
