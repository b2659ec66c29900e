import { Group, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

type Props = { title: string; lead?: string; children?: ReactNode };

/** The head of a page: its title, what it is for, and what can be done there. */
export function PageHead({ title, lead, children }: Props) {
  return (
    <Group justify="space-between" align="flex-start" mb="lg" gap="sm">
      <div>
        <Title order={1}>{title}</Title>
        {lead && <Text c="dimmed" size="sm" mt={4}>{lead}</Text>}
      </div>
      {children && <Group gap="xs">{children}</Group>}
    </Group>
  );
}
