import { ActionIcon, Alert, Button, Code, CopyButton, Group, Modal, Stack, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy, IconKey } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useMessages } from "../i18n/language";
import { shared } from "./messages";

/** A button that copies a text. */
export function CopyIcon({ text }: { text: string }) {
  const t = useMessages(shared);
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? t("copied") : t("copy")}>
          <ActionIcon onClick={copy} aria-label={copied ? t("copied") : t("copy")} color={copied ? "teal" : "gray"}>
            {copied ? <IconCheck size={18} aria-hidden /> : <IconCopy size={18} aria-hidden />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

/** Code or an id, with a button that copies it. */
export function CopyBlock({ text, mah }: { text: string; mah?: number }) {
  return (
    <Group gap={4} align="flex-start" wrap="nowrap" className="copy-block">
      <Code block flex={1} miw={0} mah={mah} tabIndex={0} className="breaks">{text}</Code>
      <CopyIcon text={text} />
    </Group>
  );
}

/** Shows secrets once. */
export function SecretDialog({ title, secret, onClose, children }: { title: string; secret: string | null; onClose: () => void; children?: ReactNode }) {
  const t = useMessages(shared);
  return (
    <Modal opened={secret !== null} onClose={onClose} title={title} closeOnClickOutside={false} size="lg" closeButtonProps={{ "aria-label": t("done") }}>
      <Stack>
        <Alert color="yellow" icon={<IconKey aria-hidden />}>{t("shownOnce")}</Alert>
        <CopyBlock text={secret ?? ""} mah={320} />
        {children}
        <Group justify="flex-end"><Button onClick={onClose}>{t("done")}</Button></Group>
      </Stack>
    </Modal>
  );
}
