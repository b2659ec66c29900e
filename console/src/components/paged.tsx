import { Button, Center, ScrollArea, Table } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useMessages } from "../i18n/language";
import { shared } from "./messages";

type Page<T> = { data: T[]; has_more?: boolean; last_id?: string | null };

/** A cursor list of the platform, page after page. `ask` brings the page after an id. */
export function useList<T extends { id: string }>(key: readonly unknown[], ask: (after: string | undefined) => Promise<Page<T>>, enabled = true) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => ask(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => (page.has_more ? (page.last_id ?? page.data.at(-1)?.id) : undefined),
    enabled,
  });
  return { ...query, data: query.data?.pages.flatMap((page) => page.data) };
}

/** The button that brings the next page of a list, where there is one. */
export function More({ list }: { list: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown } }) {
  const t = useMessages(shared);
  if (!list.hasNextPage) return null;
  return (
    <Center mt="sm">
      <Button variant="default" size="sm" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t("more")}</Button>
    </Center>
  );
}

/** A table that scrolls sideways on a narrow screen instead of making the page wide. */
export function WideTable({ label, head, minWidth = 560, children }: { label: string; head: ReactNode[]; minWidth?: number; children: ReactNode }) {
  return (
    <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: "region", "aria-label": label }}>
      <Table miw={minWidth} aria-label={label}>
        <Table.Thead>
          <Table.Tr>{head.map((title, i) => <Table.Th key={i} className={i > 0 && title === "" ? "narrow" : undefined}>{title}</Table.Th>)}</Table.Tr>
        </Table.Thead>
        <Table.Tbody>{children}</Table.Tbody>
      </Table>
    </ScrollArea>
  );
}
