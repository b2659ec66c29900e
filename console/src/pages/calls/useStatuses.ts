import { useMessages } from "../../i18n/language";
import { messages } from "./messages";

/** How calls end: what a reader is told, and in which colour. */
export function useStatuses(): Record<string, { label: string; color: string }> {
  const t = useMessages(messages);
  return {
    completed: { label: t("completed"), color: "lake" },
    client_gone: { label: t("clientGone"), color: "gray" },
    failed: { label: t("failed"), color: "red" },
    timed_out: { label: t("timedOut"), color: "gray" },
    rejected: { label: t("rejected"), color: "gray" },
  };
}
