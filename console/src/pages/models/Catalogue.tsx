import { ActionIcon, Badge, Button, Group, Paper, Progress, Select, SimpleGrid, Stack, Text, TextInput, Title, Tooltip } from "@mantine/core";
import { IconDownload, IconInfoCircle, IconRocket, IconSearch, IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { catalogQuery, deploymentsQuery } from "../../api/queries";
import { useConfirm } from "../../components/confirm";
import { EmptyState } from "../../components/EmptyState";
import { ErrorNotice } from "../../components/ErrorNotice";
import { Loaded } from "../../components/Loaded";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { useMayWrite } from "../../shell/session";
import { Card } from "./Card";
import { messages } from "./messages";
import { pull, usePulls } from "./pulls";

type Entry = Schemas["CatalogEntry"];

const STAGES = {
  checking: "loadPull_checking",
  downloading: "loadPull_downloading",
  verifying: "loadPull_verifying",
  installing: "loadPull_installing",
} as const;

/** Every model that can be offered, with what can be done with it next. */
export function Catalogue({ onDeploy }: { onDeploy: (model: string) => void }) {
  const t = useMessages(messages);
  const catalog = useQuery(catalogQuery);
  const [words, setWords] = useState("");
  const [task, setTask] = useState<string | null>(null);
  const [shown, setShown] = useState<Entry | null>(null);
  const tasks = [...new Set(catalog.data?.map((entry) => entry.task))].sort();

  return (
    <>
      <Group mb="md" gap="sm">
        <TextInput aria-label={t("search")} placeholder={t("search")} leftSection={<IconSearch size={16} aria-hidden />} value={words} onChange={(e) => setWords(e.currentTarget.value)} flex={1} miw={180} maw={360} />
        <Select aria-label={t("task")} placeholder={t("all")} data={tasks} value={task} onChange={setTask} clearable w={170} />
      </Group>
      <Loaded query={catalog} height={320}>
        {(entries) => {
          const wanted = words.trim().toLowerCase();
          const found = entries.filter((entry) => (!task || entry.task === task) && `${entry.id} ${entry.name} ${entry.description}`.toLowerCase().includes(wanted));
          if (found.length === 0) return <EmptyState icon={IconSearch} title={t("noMatch")}>{t("noMatchHint")}</EmptyState>;
          return (
            <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
              {found.map((entry) => <EntryCard key={entry.id} entry={entry} onDeploy={onDeploy} onShow={setShown} />)}
            </SimpleGrid>
          );
        }}
      </Loaded>
      <Card entry={shown} onClose={() => setShown(null)} />
    </>
  );
}

function EntryCard({ entry, onDeploy, onShow }: { entry: Entry; onDeploy: (model: string) => void; onShow: (entry: Entry) => void }) {
  const t = useMessages(messages);
  const format = useFormat();
  const client = useQueryClient();
  const mayWrite = useMayWrite("models");
  const progress = usePulls()[entry.id];
  const deployments = useQuery(deploymentsQuery);
  const [dialog, confirm] = useConfirm();
  const deployed = deployments.data?.find(({ model }) => model === entry.id);
  const refresh = () => client.invalidateQueries({ queryKey: catalogQuery.queryKey });
  const runs = progress && progress.error === undefined;

  return (
    <Paper withBorder p="md" component="article" aria-label={entry.name}>
      <Stack gap="sm" h="100%">
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <div style={{ minWidth: 0 }}>
            <Title order={2} className="breaks">{entry.name}</Title>
            <Text size="xs" c="dimmed" ff="monospace" className="breaks">{entry.id}</Text>
          </div>
          <Badge color={deployed ? "lake" : entry.installed ? "blue" : "gray"} variant="light">
            {deployed ? t("deployed") : entry.installed ? t("hereAlready") : t("canBePulled")}
          </Badge>
        </Group>
        <Text size="sm" className="breaks">{entry.description}</Text>
        <Group gap={6}>
          {[entry.task, entry.tier, format.bytes(entry.size_bytes), t("contextTokens", { n: format.number(entry.context_length) }), licenceName(entry)].map((fact) => (
            <Badge key={fact} variant="outline" color="gray">{fact}</Badge>
          ))}
        </Group>
        {progress?.error !== undefined && (
          <div>
            <Text size="sm" fw={600} mb={4}>{t("pullFailed")}</Text>
            <ErrorNotice error={progress.error} onRetry={() => void pull(entry.id, refresh)} />
          </div>
        )}
        {runs && (
          <div role="status">
            <Group justify="space-between" mb={4}>
              <Text size="xs">{t(STAGES[progress.stage as keyof typeof STAGES] ?? "loadPull_installing")}</Text>
              <Text size="xs" c="dimmed">{format.bytes(progress.done)} / {format.bytes(progress.total || entry.size_bytes)}</Text>
            </Group>
            <Progress value={(100 * progress.done) / (progress.total || 1)} aria-label={t("pulling", { name: entry.name })} animated />
          </div>
        )}
        <Group gap="xs" mt="auto">
          {mayWrite && !entry.installed && (
            <Button size="xs" leftSection={<IconDownload size={16} aria-hidden />} loading={!!runs} onClick={() => void pull(entry.id, refresh)} aria-label={`${t("pull")}: ${entry.name}`}>{t("pull")}</Button>
          )}
          {mayWrite && entry.installed && (
            <Button size="xs" variant={deployed ? "default" : "filled"} leftSection={<IconRocket size={16} aria-hidden />} onClick={() => onDeploy(entry.id)} aria-label={`${t("deploy")}: ${entry.name}`}>{t("deploy")}</Button>
          )}
          <Button size="xs" variant="default" leftSection={<IconInfoCircle size={16} aria-hidden />} onClick={() => onShow(entry)} aria-label={t("detailsOf", { name: entry.name })}>{t("details")}</Button>
          {mayWrite && entry.installed && !deployed && (
            <Tooltip label={t("removeFiles")}>
              <ActionIcon
                color="red"
                ml="auto"
                aria-label={t("removeFilesOf", { name: entry.name })}
                onClick={() =>
                  confirm({
                    title: t("removeFilesOf", { name: entry.name }),
                    text: t("removeFilesText"),
                    action: t("removeFiles"),
                    run: async () => {
                      await ask(api.DELETE("/v1/catalog/{id}", { params: { path: { id: entry.id } } }));
                      await refresh();
                    },
                  })
                }
              >
                <IconTrash size={18} aria-hidden />
              </ActionIcon>
            </Tooltip>
          )}
        </Group>
      </Stack>
      {dialog}
    </Paper>
  );
}

/** A licence's name for people: SPDX's prefix for texts that it does not list says nothing to them. */
export function licenceName(entry: Entry): string {
  return entry.licence.spdx.replace(/^LicenseRef-/, "").replaceAll("-", " ").replace(/^(\w+) (\d)/, "$1-$2");
}
