import { Center, Group, Paper, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { LanguageSwitch, SchemeSwitch } from "./switches";

/** The frame of the pages before sign-in. */
export function Entrance({ title, lead, children }: { title: string; lead?: string; children: ReactNode }) {
  return (
    <Center component="main" mih="100dvh" p="md" className="entrance">
      <Stack w="100%" maw={400} gap="md">
        <Group justify="center" gap="xs"><img src="/console/icon.svg" width={36} height={36} alt="" /><Text fw={700} size="xl">Tenfold</Text></Group>
        <Paper withBorder shadow="sm" p="lg">
          <Title order={1} size="h2">{title}</Title>
          {lead && <Text size="sm" c="dimmed" mt={4}>{lead}</Text>}
          <div className="entrance-body">{children}</div>
        </Paper>
        <Group justify="center" gap="xs"><LanguageSwitch /><SchemeSwitch /></Group>
      </Stack>
    </Center>
  );
}
