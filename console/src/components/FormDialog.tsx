import { Button, Group, Modal, Stack } from "@mantine/core";
import { useState, type FormEvent, type ReactNode } from "react";
import { useMessages } from "../i18n/language";
import { ErrorNotice } from "./ErrorNotice";
import { shared } from "./messages";

type Props = {
  opened: boolean;
  onClose: () => void;
  title: string;
  action: string;
  /** Whether what is filled in can be sent. */
  ready?: boolean;
  onSubmit: () => Promise<unknown>;
  size?: string | number;
  children: ReactNode;
};

/** A form in a dialog, which closes when it was taken and says why when it was not. */
export function FormDialog({ opened, onClose, title, action, ready = true, onSubmit, size = "md", children }: Props) {
  const t = useMessages(shared);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  function close() {
    setError(null);
    onClose();
  }

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await onSubmit();
      close();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Modal opened={opened} onClose={close} title={title} size={size} closeButtonProps={{ "aria-label": t("cancel") }}>
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          {children}
          <ErrorNotice error={error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>{t("cancel")}</Button>
            <Button type="submit" loading={busy} disabled={!ready}>{action}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
