import { Badge, Button, Group, Paper, SimpleGrid, Skeleton, Stack, Text, ThemeIcon } from "@mantine/core";
import { IconAlertTriangle, IconChartBar, IconCircleCheck, IconServer2 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { modelsQuery, healthQuery } from "../../api/queries";
import { byKey, readUsage, totalOf } from "../../api/usage";
import { DayChart } from "../../components/DayChart";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { PageHead } from "../../components/PageHead";
import { Panel } from "../../components/Panel";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { searchOf } from "../../shell/links";
import { useMayRead, useSession } from "../../shell/session";
import { messages } from "./messages";
import { useAttention } from "./useAttention";

const DAYS = 14;

/** Whether all is well, what happened today, and what to do next. */
export default function Home() {
  const t = useMessages(messages);
  const format = useFormat();
  const { user, access } = useSession();
  const mayUse = useMayRead("usage");
  const health = useQuery(healthQuery);
  const usage = useQuery({
    queryKey: ["usage", "model", DAYS, format.zone],
    queryFn: () => readUsage("model", DAYS, format.zone),
    enabled: mayUse,
    refetchInterval: 30_000,
  });
  const models = useQuery(modelsQuery);
  const attention = useAttention();
  const today = usage.data && totalOf(usage.data.rows.filter(({ day }) => day === usage.data.days.at(-1)));

  return (
    <>
      <PageHead title={t("welcome", { name: user.name })} />
      <Stack gap="md">
        <SimpleGrid cols={{ base: 2, md: mayUse ? 4 : 1 }} spacing="md">
          <Figure label={t("platform")}>
            {health.data === undefined ? undefined : (
              <Group gap={6} wrap="nowrap">
                {health.data ? <IconCircleCheck size={22} color="var(--mantine-color-teal-6)" aria-hidden /> : <IconAlertTriangle size={22} color="var(--mantine-color-orange-6)" aria-hidden />}
                {health.data ? t("ready") : t("away")}
              </Group>
            )}
          </Figure>
          {mayUse && (
            <>
              <Figure label={t("callsToday")}>{today && format.number(today.calls)}</Figure>
              <Figure label={t("tokensToday")}>{today && format.compact(today.input + today.output)}</Figure>
              <Figure label={t("spendToday")}>{today && format.money(today.cost, usage.data!.currency)}</Figure>
            </>
          )}
        </SimpleGrid>
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          <Panel title={t("attention")}>
            {attention.length === 0 ? (
              <Group gap="sm"><IconCircleCheck size={20} color="var(--mantine-color-teal-6)" aria-hidden /><Text size="sm">{t("attentionNone")}</Text></Group>
            ) : (
              <Stack gap="sm">
                {attention.map(({ id, icon: Picture, title, text, to, search }) => (
                  <Group key={id} wrap="nowrap" align="flex-start" gap="sm">
                    <ThemeIcon variant="light" color="orange" aria-hidden><Picture size={18} /></ThemeIcon>
                    <div style={{ flex: 1, minWidth: 0 }}>
                      <Text size="sm" fw={600}>{title}</Text>
                      <Text size="sm" c="dimmed" className="breaks">{text}</Text>
                    </div>
                    {to && <Button size="xs" variant="light" component={Link} to={to} search={searchOf(search)} aria-label={`${t("open")}: ${title}`}>{t("open")}</Button>}
                  </Group>
                ))}
              </Stack>
            )}
          </Panel>
          <Panel title={t("deployments")}>
            <Loaded query={models} height={120}>
              {(list) =>
                list.length === 0 ? (
                  <EmptyState icon={IconServer2} title={t("deploy")} action={access.models === "write" && <Button component={Link} to="/models">{t("deploy")}</Button>}>
                    {t("deployHint")}
                  </EmptyState>
                ) : (
                  <Stack gap={6}>
                    {list.slice(0, 6).map((model) => (
                      <Group key={model.id} justify="space-between" wrap="nowrap" gap="sm">
                        <Text size="sm" className="breaks">{model.id}</Text>
                        <Group gap="xs" wrap="nowrap">
                          <Badge variant="light" color="gray">{model.task ?? t("upstream")}</Badge>
                          {access.calls && <Button size="compact-xs" variant="subtle" component={Link} to="/playground" search={searchOf({ model: model.id })} aria-label={`${t("try")}: ${model.id}`}>{t("try")}</Button>}
                        </Group>
                      </Group>
                    ))}
                  </Stack>
                )
              }
            </Loaded>
          </Panel>
        </SimpleGrid>
        {mayUse && (
          <Panel title={t("callsChart")}>
            <Loaded query={usage} height={220}>
              {({ days, rows }) =>
                rows.length === 0 ? (
                  <EmptyState icon={IconChartBar} title={t("noCalls")} action={access.calls && <Button variant="light" component={Link} to="/playground">{t("tryPlayground")}</Button>}>
                    {t("noCallsHint")}
                  </EmptyState>
                ) : (
                  <DayChart
                    label={t("callsChart")}
                    height={220}
                    series={byKey(rows).slice(0, 8).map(({ key }) => ({ key, label: key }))}
                    days={days.map((day) => ({
                      label: format.shortDay(day),
                      heights: Object.fromEntries(rows.filter((row) => row.day === day).map((row) => [row.key, row.calls])),
                    }))}
                    format={format.number}
                  />
                )
              }
            </Loaded>
          </Panel>
        )}
      </Stack>
    </>
  );
}

function Figure({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Paper withBorder p="md">
      <Text size="sm" c="dimmed">{label}</Text>
      {children === undefined ? <Skeleton height={28} mt={6} width="60%" /> : <Text component="div" fw={650} className="figure">{children}</Text>}
    </Paper>
  );
}
