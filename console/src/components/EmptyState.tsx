import { Stack, Text, ThemeIcon } from "@mantine/core";
import type { Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";

type Props = { icon: Icon; title: string; children?: ReactNode; action?: ReactNode };

/** Says that there is nothing yet, and what to do next. */
export function EmptyState({ icon: Picture, title, children, action }: Props) {
  return (
    <Stack align="center" gap="xs" py="xl" px="md">
      <ThemeIcon variant="light" size={48} radius="xl" color="gray"><Picture size={24} aria-hidden /></ThemeIcon>
      <Text fw={600} ta="center">{title}</Text>
      {children && <Text size="sm" c="dimmed" maw={440} ta="center">{children}</Text>}
      {action}
    </Stack>
  );
}
