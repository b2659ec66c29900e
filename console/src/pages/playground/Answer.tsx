import { ActionIcon, Box, Code, Group, Loader, Text, Tooltip } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { memo } from "react";
import { CopyIcon } from "../../components/Copyable";
import { ErrorNotice } from "../../components/ErrorNotice";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import type { Message } from "./Conversation";
import { Markdown } from "./Markdown";
import { messages } from "./messages";

type Props = { message: Message; isComing: boolean; onRetry?: (() => void) | undefined };

const FINISHES = { length: "finish_length", content_filter: "finish_content_filter", stopped: "finish_stopped" } as const;

/** One message of a conversation. */
export const Answer = memo(function Answer({ message, isComing, onRetry }: Props) {
  const t = useMessages(messages);
  const format = useFormat();
  const { role, content, reasoning, toolCalls, model, error, usage, finish, firstTokenMs, tokensPerSecond } = message;

  if (role === "user") {
    return (
      <Box className="said">
        <Text size="xs" c="dimmed" mb={2}>{t("you")}</Text>
        <Text size="sm" className="breaks">{content}</Text>
      </Box>
    );
  }
  const facts = [
    usage && t("tokens", { input: format.number(usage.input), output: format.number(usage.output) }),
    usage && usage.cached > 0 && t("cachedTokens", { n: format.number(usage.cached) }),
    firstTokenMs !== undefined && t("firstToken", { ms: format.number(firstTokenMs) }),
    tokensPerSecond !== undefined && t("speed", { n: format.number(Math.round(tokensPerSecond * 10) / 10) }),
  ].filter(Boolean);
  const ending = FINISHES[finish as keyof typeof FINISHES];

  return (
    <Box className="answer">
      <Text size="xs" c="dimmed" mb={2} className="breaks">{model}</Text>
      {reasoning && (
        <details open={isComing && !content}>
          <summary><Text span size="xs" c="dimmed">{t("reasoning")}</Text></summary>
          <Text size="sm" c="dimmed" className="breaks">{reasoning}</Text>
        </details>
      )}
      {content && <Markdown text={content} />}
      {toolCalls.map((call, i) => (
        <Box key={i} my="xs">
          <Text size="xs" fw={600} className="breaks">{t("toolCall", { name: call.name })}</Text>
          <Code block className="breaks" tabIndex={0}>{call.arguments}</Code>
        </Box>
      ))}
      {isComing && !content && !reasoning && <Loader size="xs" type="dots" aria-label={t("answering")} />}
      {error !== undefined && <ErrorNotice error={error} />}
      {!isComing && (
        <Group gap={2} mt={2} justify="space-between" wrap="nowrap">
          <Text size="xs" c="dimmed">{[ending && t(ending), ...facts].filter(Boolean).join(" · ")}</Text>
          <Group gap={0} wrap="nowrap">
            {onRetry && (
              <Tooltip label={t("retry")}>
                <ActionIcon onClick={onRetry} aria-label={t("retry")}><IconRefresh size={18} aria-hidden /></ActionIcon>
              </Tooltip>
            )}
            {content && <CopyIcon text={content} />}
          </Group>
        </Group>
      )}
    </Box>
  );
});
