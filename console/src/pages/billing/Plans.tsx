import { Badge, Button, Group, NumberInput, Paper, Select, SimpleGrid, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconPackage, IconPlus } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useConfirm } from "../../components/confirm";
import { EmptyState } from "../../components/EmptyState";
import { FormDialog } from "../../components/FormDialog";
import { Loaded } from "../../components/Loaded";
import { More, useList } from "../../components/paged";
import { isAmount } from "../../format/money";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { useMayWrite } from "../../shell/session";
import { messages } from "./messages";
import { MoneyFields } from "./MoneyFields";
import { useCurrency } from "./useCurrency";

type Plan = Schemas["PlanObject"];

const METRICS = { requests: "metric_requests", tokens: "metric_tokens", spend: "metric_spend" } as const;
const PERIODS = { day: "day", month: "month", year: "year" } as const;

/** Plans that are offered, and the ones that the organisation has. */
export function Plans() {
  const t = useMessages(messages);
  const format = useFormat();
  const client = useQueryClient();
  const mayWrite = useMayWrite("billing");
  const [dialog, confirm] = useConfirm();
  const [makes, setMakes] = useState(false);
  const plans = useList(["billing", "plans"], (after) => ask(api.GET("/v1/organization/billing/plans", { params: { query: { limit: 50, ...(after && { after }) } } })));
  const subscriptions = useList(["billing", "subscriptions"], (after) => ask(api.GET("/v1/organization/billing/subscriptions", { params: { query: { limit: 50, ...(after && { after }) } } })));
  const refresh = () => client.invalidateQueries({ queryKey: ["billing"] });
  const active = (plan: Plan) => subscriptions.data?.find((one) => one.plan.id === plan.id && one.status === "active");
  const price = (plan: Plan) => format.money(plan.amount, plan.currency);
  const button = mayWrite && <Button size="sm" leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setMakes(true)}>{t("makePlan")}</Button>;

  function subscribe(plan: Plan) {
    confirm({
      title: t("subscribePlan", { name: plan.name }),
      text: t("subscribeText", { amount: price(plan) }),
      action: t("subscribe"),
      run: async () => {
        await ask(api.POST("/v1/organization/billing/subscriptions", { body: { plan: plan.id } }));
        await refresh();
      },
    });
  }

  function end(plan: Plan, subscription: Schemas["SubscriptionObject"]) {
    confirm({
      title: t("cancelPlan", { name: plan.name }),
      text: t("cancelPlanText", { date: format.day(subscription.current_period_end) }),
      action: t("endPlan"),
      run: async () => {
        await ask(api.DELETE("/v1/organization/billing/subscriptions/{id}", { params: { path: { id: subscription.id } } }));
        await refresh();
      },
    });
  }

  function retire(plan: Plan) {
    confirm({
      title: t("retirePlan", { name: plan.name }),
      text: t("retirePlanText"),
      action: t("retire"),
      run: async () => {
        await ask(api.DELETE("/v1/organization/billing/plans/{id}", { params: { path: { id: plan.id } } }));
        await refresh();
      },
    });
  }

  return (
    <>
      {!!plans.data?.length && <Group mb="md" justify="flex-end">{button}</Group>}
      <Loaded query={plans} height={240}>
        {(rows) =>
          rows.length === 0 ? (
            <Paper withBorder><EmptyState icon={IconPackage} title={t("noPlans")} action={button}>{t("noPlansHint")}</EmptyState></Paper>
          ) : (
            <SimpleGrid cols={{ base: 1, sm: 2, md: 3 }}>
              {rows.map((plan) => {
                const subscription = active(plan);
                return (
                  <Paper key={plan.id} withBorder p="md" component="article" aria-label={plan.name}>
                    <Stack gap="xs" h="100%">
                      <Group justify="space-between" wrap="nowrap">
                        <Title order={2} className="breaks">{plan.name}</Title>
                        {subscription ? <Badge variant="light">{t("subscribed")}</Badge> : plan.status !== "open" && <Badge variant="light" color="gray">{t("retired")}</Badge>}
                      </Group>
                      <Text fw={600}>{t("planPer", { amount: price(plan), period: periodName(plan.period) })}</Text>
                      {plan.allowances.flatMap(({ windows }, i) => windows.map((window, j) => <Text key={`${i} ${j}`} size="sm">{allowance(window)}</Text>))}
                      <Text size="sm" c="dimmed">{plan.overage === "stop" ? t("overStop") : t("overPay")}</Text>
                      {subscription && <Text size="sm" c="dimmed">{t(subscription.cancel_at_period_end ? "cancels" : "renews", { date: format.day(subscription.current_period_end) })}</Text>}
                      {mayWrite && (
                        <Group gap="xs" mt="auto">
                          {subscription
                            ? !subscription.cancel_at_period_end && <Button size="xs" variant="default" onClick={() => end(plan, subscription)}>{t("endPlan")}</Button>
                            : plan.status === "open" && <Button size="xs" onClick={() => subscribe(plan)}>{t("subscribe")}</Button>}
                          {plan.status === "open" && <Button size="xs" variant="subtle" color="red" onClick={() => retire(plan)}>{t("retire")}</Button>}
                        </Group>
                      )}
                    </Stack>
                  </Paper>
                );
              })}
            </SimpleGrid>
          )
        }
      </Loaded>
      <More list={plans} />
      {dialog}
      {makes && <MakeDialog onClose={() => setMakes(false)} onDone={refresh} />}
    </>
  );

  function periodName(period: string) {
    return period in PERIODS ? t(PERIODS[period as keyof typeof PERIODS]).toLowerCase() : period;
  }

  function allowance({ metric, amount, window }: Schemas["PlanWindow"]) {
    const name = metric in METRICS ? t(METRICS[metric as keyof typeof METRICS]).toLowerCase() : metric;
    return t("withAllowance", { n: metric === "spend" ? amount : format.number(Number(amount)), metric: name, window: periodName(window) });
  }
}

function MakeDialog({ onClose, onDone }: { onClose: () => void; onDone: () => Promise<unknown> }) {
  const t = useMessages(messages);
  const [name, setName] = useState("");
  const [money, setMoney] = useState({ amount: "", currency: useCurrency() });
  const [period, setPeriod] = useState("month");
  const [tokens, setTokens] = useState<number | string>("");
  const [overage, setOverage] = useState("pay");

  async function make() {
    const allowances = tokens === "" ? [] : [{ models: [], windows: [{ metric: "tokens", amount: String(tokens), window: "month" }] }];
    await ask(api.POST("/v1/organization/billing/plans", { body: { name: name.trim(), ...money, period, allowances, overage } }));
    await onDone();
  }

  return (
    <FormDialog opened onClose={onClose} title={t("makePlan")} action={t("makePlan")} ready={!!name.trim() && isAmount(money.amount)} onSubmit={make}>
      <TextInput label={t("name")} required data-autofocus value={name} onChange={(e) => setName(e.currentTarget.value)} />
      <MoneyFields value={money} onChange={setMoney} />
      <Select label={t("period")} data={[{ value: "month", label: t("month") }, { value: "year", label: t("year") }]} value={period} onChange={(value) => value && setPeriod(value)} allowDeselect={false} />
      <NumberInput label={t("tokensPerMonth")} min={1} allowDecimal={false} thousandSeparator="," value={tokens} onChange={setTokens} />
      <Select aria-label={t("overPay")} data={[{ value: "pay", label: t("overPay") }, { value: "stop", label: t("overStop") }]} value={overage} onChange={(value) => value && setOverage(value)} allowDeselect={false} />
    </FormDialog>
  );
}
