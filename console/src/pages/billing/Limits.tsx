import { ActionIcon, Badge, Button, Checkbox, NumberInput, Progress, Select, Table, Text } from "@mantine/core";
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
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { useMayWrite } from "../../shell/session";
import { messages } from "./messages";
import { EVERYTHING, isWhole, subjectBody, SubjectFields, useSubjectName } from "./subjects";

const KEY = ["billing", "limits"];
const METRICS = { requests: "metric_requests", tokens: "metric_tokens", images: "metric_images", concurrency: "metric_concurrency" } as const;
const WINDOWS = { minute: "minute", day: "day" } as const;

/** What bounds calls, with the number that is enforced. */
export function Limits() {
  const t = useMessages(messages);
  const format = useFormat();
  const client = useQueryClient();
  const mayWrite = useMayWrite("billing");
  const subjectName = useSubjectName();
  const [dialog, confirm] = useConfirm();
  const [makes, setMakes] = useState(false);
  const list = useList(KEY, (after) => ask(api.GET("/v1/organization/billing/limits", { params: { query: { limit: 50, ...(after && { after }) } } })));
  const refresh = () => client.invalidateQueries({ queryKey: KEY });
  const button = mayWrite && <Button size="sm" leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setMakes(true)}>{t("makeLimit")}</Button>;

  return (
    <Panel title={t("limits")} action={list.data?.length ? button : undefined}>
      <Loaded query={list} height={240}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState icon={IconGauge} title={t("noLimits")} action={button}>{t("noLimitsHint")}</EmptyState>
          ) : (
            <WideTable label={t("limits")} minWidth={680} head={[t("scope"), t("metric"), t("window"), t("limit"), "", ""]}>
              {rows.map((limit) => {
                const subject = subjectName(limit.scope, limit.subject);
                return (
                  <Table.Tr key={limit.id}>
                    <Table.Td className="breaks" fw={600}>{subject}</Table.Td>
                    <Table.Td>{limit.metric in METRICS ? t(METRICS[limit.metric as keyof typeof METRICS]) : limit.metric}</Table.Td>
                    <Table.Td>{limit.window && limit.window in WINDOWS && t(WINDOWS[limit.window as keyof typeof WINDOWS])}</Table.Td>
                    <Table.Td miw={200}>
                      <Text size="sm" mb={4}>{t("left", { used: format.number(limit.used), limit: format.number(limit.limit) })}</Text>
                      <Progress value={Math.min(100, (100 * limit.used) / Math.max(1, limit.limit))} aria-label={subject} />
                    </Table.Td>
                    <Table.Td className="narrow">{!limit.hard && <Badge variant="light" color="gray">{t("soft")}</Badge>}</Table.Td>
                    <Table.Td className="narrow">
                      {mayWrite && (
                        <ActionIcon
                          color="red"
                          aria-label={`${t("removeLimit")}: ${subject}`}
                          onClick={() =>
                            confirm({
                              title: t("removeLimit"),
                              text: t("removeLimitText", { subject }),
                              action: t("remove"),
                              run: async () => {
                                await ask(api.DELETE("/v1/organization/billing/limits/{id}", { params: { path: { id: limit.id } } }));
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
  const [metric, setMetric] = useState("requests");
  const [window, setWindow] = useState("minute");
  const [limit, setLimit] = useState<number | string>("");
  const [hard, setHard] = useState(true);
  // Calls at a time are counted now, not over a time.
  const hasWindow = metric !== "concurrency";

  async function make() {
    await ask(api.POST("/v1/organization/billing/limits", { body: { ...subjectBody(subject), metric, ...(hasWindow && { window }), limit: Number(limit), hard } }));
    await onDone();
  }

  return (
    <FormDialog opened onClose={onClose} title={t("makeLimit")} action={t("makeLimit")} ready={isWhole(subject) && typeof limit === "number"} onSubmit={make}>
      <SubjectFields value={subject} onChange={setSubject} />
      <Select label={t("metric")} data={Object.entries(METRICS).map(([value, key]) => ({ value, label: t(key) }))} value={metric} onChange={(value) => value && setMetric(value)} allowDeselect={false} />
      {hasWindow && <Select label={t("window")} data={Object.entries(WINDOWS).map(([value, key]) => ({ value, label: t(key) }))} value={window} onChange={(value) => value && setWindow(value)} allowDeselect={false} />}
      <NumberInput label={t("limit")} required min={1} allowDecimal={false} value={limit} onChange={setLimit} />
      <Checkbox label={t("deny")} checked={hard} onChange={(e) => setHard(e.currentTarget.checked)} />
    </FormDialog>
  );
}
