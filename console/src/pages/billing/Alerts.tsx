import { ActionIcon, Button, SegmentedControl, Table, TagsInput, Text, TextInput } from "@mantine/core";
import { IconBell, IconPlus, IconTrash } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useConfirm } from "../../components/confirm";
import { SecretDialog } from "../../components/Copyable";
import { EmptyState } from "../../components/EmptyState";
import { FormDialog } from "../../components/FormDialog";
import { Loaded } from "../../components/Loaded";
import { More, useList, WideTable } from "../../components/paged";
import { Panel } from "../../components/Panel";
import { fromHundredths, toHundredths } from "../../format/money";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { useMayWrite } from "../../shell/session";
import { messages } from "./messages";
import { MoneyFields } from "./MoneyFields";
import { useCurrency } from "./useCurrency";

type Channel = Schemas["SpendAlertObject"]["notification_channel"];

const KEY = ["billing", "alerts"];

/** Who is told when a month costs more than was expected. */
export function Alerts() {
  const t = useMessages(messages);
  const format = useFormat();
  const client = useQueryClient();
  const mayWrite = useMayWrite("billing");
  const [dialog, confirm] = useConfirm();
  const [makes, setMakes] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const list = useList(KEY, (after) => ask(api.GET("/v1/organization/spend_alerts", { params: { query: { limit: 50, ...(after && { after }) } } })));
  const refresh = () => client.invalidateQueries({ queryKey: KEY });
  const button = mayWrite && <Button size="sm" leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setMakes(true)}>{t("makeAlert")}</Button>;
  const told = (channel: Channel) => (channel.type === "email" ? channel.recipients.join(", ") : channel.url);

  return (
    <Panel title={t("alerts")} action={list.data?.length ? button : undefined}>
      <Loaded query={list} height={240}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState icon={IconBell} title={t("noAlerts")} action={button}>{t("noAlertsHint")}</EmptyState>
          ) : (
            <WideTable label={t("alerts")} minWidth={520} head={[t("alertOver"), t("alertHow"), ""]}>
              {rows.map((alert) => {
                const amount = format.money(fromHundredths(alert.threshold_amount), alert.currency);
                return (
                  <Table.Tr key={alert.id}>
                    <Table.Td fw={600}>{amount}</Table.Td>
                    <Table.Td className="breaks">{alert.notification_channel.type === "email" ? t("alertEmail") : t("alertWebhook")}: {told(alert.notification_channel)}</Table.Td>
                    <Table.Td className="narrow">
                      {mayWrite && (
                        <ActionIcon
                          color="red"
                          aria-label={`${t("removeAlert")}: ${amount}`}
                          onClick={() =>
                            confirm({
                              title: t("removeAlert"),
                              text: t("removeAlertText", { amount }),
                              action: t("remove"),
                              run: async () => {
                                await ask(api.DELETE("/v1/organization/spend_alerts/{alert_id}", { params: { path: { alert_id: alert.id } } }));
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
      {makes && <MakeDialog onClose={() => setMakes(false)} onMade={async (value) => { setSecret(value); await refresh(); }} />}
      <SecretDialog title={t("alertSecret")} secret={secret} onClose={() => setSecret(null)}><Text size="sm">{t("alertSecretHint")}</Text></SecretDialog>
    </Panel>
  );
}

function MakeDialog({ onClose, onMade }: { onClose: () => void; onMade: (secret: string | null) => Promise<void> }) {
  const t = useMessages(messages);
  const [money, setMoney] = useState({ amount: "", currency: useCurrency() });
  const [kind, setKind] = useState("email");
  const [recipients, setRecipients] = useState<string[]>([]);
  const [url, setUrl] = useState("");
  const threshold = toHundredths(money.amount);
  const isEmail = kind === "email";

  async function make() {
    const channel: Channel = isEmail ? { type: "email", recipients } : { type: "webhook", url };
    const alert = await ask(api.POST("/v1/organization/spend_alerts", { body: { currency: money.currency, interval: "month", threshold_amount: threshold!, notification_channel: channel } }));
    await onMade(alert.notification_channel.type === "webhook" ? (alert.notification_channel.secret ?? null) : null);
  }

  return (
    <FormDialog opened onClose={onClose} title={t("makeAlert")} action={t("makeAlert")} ready={threshold !== undefined && (isEmail ? recipients.length > 0 : url !== "")} onSubmit={make}>
      <Text size="sm">{t("alertOver")}</Text>
      <MoneyFields value={money} onChange={setMoney} description={t("amountHint")} />
      <SegmentedControl aria-label={t("alertHow")} value={kind} onChange={setKind} data={[{ value: "email", label: t("alertEmail") }, { value: "webhook", label: t("alertWebhook") }]} />
      {isEmail
        ? <TagsInput label={t("alertRecipients")} description={t("alertRecipientsHint")} value={recipients} onChange={setRecipients} acceptValueOnBlur />
        : <TextInput label={t("alertUrl")} type="url" required placeholder="https://example.com/hooks/spend" value={url} onChange={(e) => setUrl(e.currentTarget.value.trim())} />}
    </FormDialog>
  );
}
