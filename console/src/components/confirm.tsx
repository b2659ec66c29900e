import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { useMessages } from "../i18n/language";
import { ErrorNotice } from "./ErrorNotice";
import { shared } from "./messages";

/** What is asked before something cannot be undone. */
export type Question = { title: string; text: string; action: string; run: () => Promise<unknown> };

/** Asks before doing: `[dialog, ask]`. The dialog stays open with the error where it failed. */
export function useConfirm(): [ReactNode, (question: Question) => void] {
  const t = useMessages(shared);
  const [question, setQuestion] = useState<Question | null>(null);
  const [opened, setOpened] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  async function run() {
    setBusy(true);
    setError(null);
    try {
      await question!.run();
      setOpened(false);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  }

  const dialog = (
    <Modal opened={opened} onClose={() => setOpened(false)} title={question?.title} closeButtonProps={{ "aria-label": t("cancel") }}>
      <Stack>
        <Text size="sm" className="breaks">{question?.text}</Text>
        <ErrorNotice error={error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={() => setOpened(false)} data-autofocus>{t("cancel")}</Button>
          <Button color="red" loading={busy} onClick={() => void run()}>{question?.action}</Button>
        </Group>
      </Stack>
    </Modal>
  );
  const ask = (next: Question) => {
    setError(null);
    setQuestion(next);
    setOpened(true);
  };
  return [dialog, ask];
}
