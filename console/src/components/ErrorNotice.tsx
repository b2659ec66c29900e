import { Alert, Button, Group, Text } from "@mantine/core";
import { IconAlertCircle } from "@tabler/icons-react";
import { ApiError } from "../api/client";
import { useMessages } from "../i18n/language";
import { shared } from "./messages";

/** What an error says to people: the platform's own words where it answered. */
export function useErrorText(): (error: unknown) => string {
  const t = useMessages(shared);
  return (error) => {
    if (error instanceof ApiError) return error.code === "unreachable" ? t("unreachable") : error.message;
    return t("failed");
  };
}

/** Says what happened, with the id by which an operator finds the request. */
export function ErrorNotice({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const t = useMessages(shared);
  const textOf = useErrorText();
  if (!error) return null;
  const requestId = error instanceof ApiError ? error.requestId : null;
  return (
    <Alert color="red" icon={<IconAlertCircle aria-hidden />} role="alert">
      <Text size="sm" className="breaks">{textOf(error)}</Text>
      {(requestId || onRetry) && (
        <Group mt="xs" gap="sm" justify="space-between">
          {requestId && <Text size="xs" c="dimmed" ff="monospace" className="breaks">{t("requestId", { id: requestId })}</Text>}
          {onRetry && <Button size="xs" variant="light" color="red" onClick={onRetry}>{t("retry")}</Button>}
        </Group>
      )}
    </Alert>
  );
}
