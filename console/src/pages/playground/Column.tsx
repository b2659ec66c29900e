import { Select, Stack } from "@mantine/core";
import { IconMessageCircle } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useLayoutEffect, useRef, useSyncExternalStore } from "react";
import { EmptyState } from "../../components/EmptyState";
import { useMessages } from "../../i18n/language";
import { Answer } from "./Answer";
import type { Conversation } from "./Conversation";
import { messages } from "./messages";
import type { Settings } from "./request";

type Props = {
  conversation: Conversation;
  label: string;
  models: string[];
  model: string;
  onModel: (model: string) => void;
  settings: Settings;
};

const NEAR_END_PX = 80;

/** A conversation with its model. Only the messages in sight are drawn, however long it is. */
export function Column({ conversation, label, models, model, onModel, settings }: Props) {
  const t = useMessages(messages);
  const { messages: list, isAnswering } = useSyncExternalStore(conversation.subscribe, conversation.read);
  const frame = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const rows = useVirtualizer({
    count: list.length,
    getScrollElement: () => frame.current,
    estimateSize: (i) => (list[i]!.role === "user" ? 62 : 96 + list[i]!.content.length / 3),
    getItemKey: (i) => list[i]!.id,
    overscan: 6,
  });

  // The end stays in sight while an answer grows, unless the reader has scrolled away from it.
  const height = rows.getTotalSize();
  useLayoutEffect(() => {
    const element = frame.current;
    if (element && follows.current) element.scrollTop = element.scrollHeight;
  }, [height, list]);

  const retry = useCallback(() => void conversation.answerAgain(model, settings), [conversation, model, settings]);

  return (
    <Stack gap="xs" className="column">
      <Select aria-label={label} data={models} value={model} onChange={(value) => value && onModel(value)} allowDeselect={false} searchable={models.length > 8} comboboxProps={{ width: "max-content", position: "bottom-start" }} />
      <div
        ref={frame}
        className="messages"
        role="log"
        aria-label={t("conversation", { model })}
        aria-busy={isAnswering}
        tabIndex={0}
        onScroll={({ currentTarget: e }) => {
          follows.current = e.scrollHeight - e.scrollTop - e.clientHeight < NEAR_END_PX;
        }}
      >
        {list.length === 0 && <EmptyState icon={IconMessageCircle} title={t("emptyTitle")}>{t("emptyHint")}</EmptyState>}
        <div style={{ height, position: "relative" }}>
          {rows.getVirtualItems().map((row) => {
            const message = list[row.index]!;
            const isLast = row.index === list.length - 1;
            return (
              <div key={row.key} data-index={row.index} ref={rows.measureElement} className="row" style={{ transform: `translateY(${row.start}px)` }}>
                <Answer message={message} isComing={isLast && isAnswering && message.role === "assistant"} onRetry={isLast && !isAnswering ? retry : undefined} />
              </div>
            );
          })}
        </div>
      </div>
    </Stack>
  );
}
