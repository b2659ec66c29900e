import { Group, Paper, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

type Props = { title?: string; lead?: string; action?: ReactNode; children: ReactNode };

/** A part of a page. */
export function Panel({ title, lead, action, children }: Props) {
  return (
    <Paper withBorder p="md" component="section">
      {(title || action) && (
        <Group justify="space-between" mb="sm" gap="sm" align="flex-start">
          <div>
            {title && <Title order={2}>{title}</Title>}
            {lead && <Text size="sm" c="dimmed" mt={2}>{lead}</Text>}
          </div>
          {action}
        </Group>
      )}
      {children}
    </Paper>
  );
}
