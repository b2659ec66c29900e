import { Skeleton } from "@mantine/core";
import type { ReactNode } from "react";
import { useMessages } from "../i18n/language";
import { ErrorNotice } from "./ErrorNotice";
import { shared } from "./messages";

type Props<T> = { query: { data: T | undefined; error: unknown; refetch: () => unknown }; height: number; children: (data: T) => ReactNode };

/** What a query brought; until then a place as high as it will be, so that nothing jumps. */
export function Loaded<T>({ query, height, children }: Props<T>) {
  const t = useMessages(shared);
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <ErrorNotice error={query.error} onRetry={() => query.refetch()} />;
  return <Skeleton height={height} role="status" aria-label={t("loading")} />;
}
