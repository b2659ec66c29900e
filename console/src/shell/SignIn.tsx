import { Button, Divider, PasswordInput, Stack, TextInput } from "@mantine/core";
import { IconFingerprint } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { ApiError } from "../api/client";
import { hasPasskeys, isDismissed, signInWithPasskey } from "../api/passkey";
import { account, type ConsoleInfo } from "../api/session";
import { ErrorNotice } from "../components/ErrorNotice";
import { useMessages } from "../i18n/language";
import { Entrance } from "./Entrance";
import { messages } from "./messages";
import { useEnter } from "./session";

/** Asks who it is: password, then a code where the account has one; or a passkey; or another provider. */
export function SignIn({ info }: { info: ConsoleInfo }) {
  const t = useMessages(messages);
  const enter = useEnter();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [wantsCode, setWantsCode] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  async function attempt(signIn: () => ReturnType<typeof account.signIn>) {
    setBusy(true);
    setError(null);
    try {
      enter(await signIn());
    } catch (failure) {
      if (failure instanceof ApiError && failure.code === "totp_required" && !wantsCode) setWantsCode(true);
      else if (!isDismissed(failure)) setError(inOurWords(failure));
    } finally {
      setBusy(false);
    }
  }

  // The refusals that people meet every day are said in their language.
  function inOurWords(failure: unknown): unknown {
    if (!(failure instanceof ApiError)) return failure;
    const words = { invalid_sign_in: wantsCode ? t("wrongCode") : t("wrongSignIn"), totp_required: t("wrongCode"), too_many_attempts: t("tooMany") };
    const own = words[failure.code as keyof typeof words];
    return own ? new ApiError(own, failure.status, failure.code, failure.param, failure.requestId) : failure;
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    void attempt(() => account.signIn({ email, password, ...(wantsCode && { totp_code: code.replaceAll(" ", "") }) }));
  }

  const offersPasskeys = info.sign_in.passkeys && hasPasskeys();
  return (
    <Entrance title={t("signInTitle")}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput label={t("email")} type="email" autoComplete="username" required autoFocus value={email} onChange={(e) => setEmail(e.currentTarget.value)} />
          <PasswordInput label={t("password")} autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.currentTarget.value)} />
          {wantsCode && (
            <TextInput label={t("code")} description={t("codeHint")} autoComplete="one-time-code" required autoFocus value={code} onChange={(e) => setCode(e.currentTarget.value)} />
          )}
          <ErrorNotice error={error} />
          <Button type="submit" loading={busy}>{t("signIn")}</Button>
        </Stack>
      </form>
      {(offersPasskeys || info.sign_in.oidc.length > 0) && (
        <Stack mt="md" gap="sm">
          <Divider label={t("or")} />
          {offersPasskeys && (
            <Button variant="default" leftSection={<IconFingerprint size={18} aria-hidden />} onClick={() => void attempt(signInWithPasskey)}>
              {t("signInWithPasskey")}
            </Button>
          )}
          {info.sign_in.oidc.map(({ id, name }) => (
            <Button key={id} variant="default" component="a" href={`/v1/console/oidc/${encodeURIComponent(id)}`}>{t("signInWith", { name })}</Button>
          ))}
        </Stack>
      )}
    </Entrance>
  );
}
