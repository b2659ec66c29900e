import { ActionIcon, Badge, Button, Checkbox, Progress, Select, Table, Text } from "@mantine/core";
import { IconGauge, IconPlus, IconTrash } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { useConfirm } from "../../components/confirm";
import { EmptyState } from "../../components/EmptyState";
import { FormDialog } from "../../components/FormDialog";
import { Loaded } from "../../components/Loaded";
import { More, useList, WideTable } from "../../components/paged";
import { Panel } from "../../components/Panel";
import { isAmount, toNanos } from "../../format/money";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { useMayWrite } from "../../shell/session";
import { messages } from "./messages";
import { MoneyFields } from "./MoneyFields";
import { EVERYTHING, isWhole, subjectBody, SubjectFields, useSubjectName } from "./subjects";
import { useCurrency } from "./useCurrency";

const KEY = ["billing", "budgets", "paged"];
const WINDOWS = { day: "day", month: "month", lifetime: "lifetime" } as const;

/** What bounds spending, with the number that is enforced. */
export function Budgets() {
  const t = useMessages(messages);
  const format = useFormat();
  const client = useQueryClient();
  const mayWrite = useMayWrite("billing");
  const subjectName = useSubjectName();
  const [dialog, confirm] = useConfirm();
  const [makes, setMakes] = useState(false);
  const list = useList(KEY, (after) => ask(api.GET("/v1/organization/billing/budgets", { params: { query: { limit: 50, ...(after && { after }) } } })));
  const refresh = () => client.invalidateQueries({ queryKey: ["billing", "budgets"] });
  const button = mayWrite && <Button size="sm" leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setMakes(true)}>{t("makeBudget")}</Button>;

  return (
    <Panel title={t("budgets")} action={list.data?.length ? button : undefined}>
      <Loaded query={list} height={240}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState icon={IconGauge} title={t("noBudgets")} action={button}>{t("noBudgetsHint")}</EmptyState>
          ) : (
            <WideTable label={t("budgets")} minWidth={680} head={[t("scope"), t("window"), t("amount"), "", ""]}>
              {rows.map((budget) => {
                const amount = format.money(budget.amount, budget.currency);
                const subject = subjectName(budget.scope, budget.subject);
                const [used, most] = [toNanos(budget.spent), toNanos(budget.amount)];
                const share = most > 0n ? Math.min(100, Number((used * 1000n) / most) / 10) : 100;
                return (
                  <Table.Tr key={budget.id}>
                    <Table.Td className="breaks" fw={600}>{subject}</Table.Td>
                    <Table.Td>{t(WINDOWS[budget.window as keyof typeof WINDOWS] ?? "lifetime")}</Table.Td>
                    <Table.Td miw={260}>
                      <Text size="sm" mb={4} className="number" ta="left">{t("spent", { spent: format.money(budget.spent, budget.currency), amount })}</Text>
                      <Progress value={share} color={share >= 100 ? "red" : share >= 80 ? "orange" : "lake"} aria-label={`${subject}: ${format.percent(share / 100)}`} />
                    </Table.Td>
                    <Table.Td className="narrow">{!budget.hard && <Badge variant="light" color="gray">{t("soft")}</Badge>}</Table.Td>
                    <Table.Td className="narrow">
                      {mayWrite && (
                        <ActionIcon
                          color="red"
                          aria-label={`${t("removeBudget")}: ${subject}`}
                          onClick={() =>
                            confirm({
                              title: t("removeBudget"),
                              text: t("removeBudgetText", { amount, subject }),
                              action: t("remove"),
                              run: async () => {
                                await ask(api.DELETE("/v1/organization/billing/budgets/{id}", { params: { path: { id: budget.id } } }));
                                await refresh();
                              },
                            })
                          }
                        >
                          <IconTrash size={18} aria-hidden />
                        </ActionIcon>
                      )}
                    </Table.Td>
                  </Table.Tr>
                );
              })}
            </WideTable>
          )
        }
      </Loaded>
      <More list={list} />
      {dialog}
      {makes && <MakeDialog onClose={() => setMakes(false)} onDone={refresh} />}
    </Panel>
  );
}

function MakeDialog({ onClose, onDone }: { onClose: () => void; onDone: () => Promise<unknown> }) {
  const t = useMessages(messages);
  const [subject, setSubject] = useState(EVERYTHING);
  const [window, setWindow] = useState("month");
  const [money, setMoney] = useState({ amount: "", currency: useCurrency() });
  const [hard, setHard] = useState(true);

  async function make() {
    await ask(api.POST("/v1/organization/billing/budgets", { body: { ...subjectBody(subject), window, ...money, hard } }));
    await onDone();
  }

  return (
    <FormDialog opened onClose={onClose} title={t("makeBudget")} action={t("makeBudget")} ready={isWhole(subject) && isAmount(money.amount)} onSubmit={make}>
      <SubjectFields value={subject} onChange={setSubject} />
      <Select label={t("window")} data={Object.entries(WINDOWS).map(([value, key]) => ({ value, label: t(key) }))} value={window} onChange={(value) => value && setWindow(value)} allowDeselect={false} />
      <MoneyFields value={money} onChange={setMoney} />
      <Checkbox label={t("deny")} checked={hard} onChange={(e) => setHard(e.currentTarget.checked)} />
    </FormDialog>
  );
}
