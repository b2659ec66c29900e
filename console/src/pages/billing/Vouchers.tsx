import { Badge, Button, NumberInput, Table, TextInput } from "@mantine/core";
import { IconPlus, IconTicket } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { SecretDialog } from "../../components/Copyable";
import { EmptyState } from "../../components/EmptyState";
import { FormDialog } from "../../components/FormDialog";
import { Loaded } from "../../components/Loaded";
import { shared } from "../../components/messages";
import { More, useList, WideTable } from "../../components/paged";
import { Panel } from "../../components/Panel";
import { isAmount } from "../../format/money";
import { useFormat } from "../../format/useFormat";
import { endOfDay } from "../../format/zone";
import { useMessages } from "../../i18n/language";
import { messages } from "./messages";
import { MoneyFields } from "./MoneyFields";
import { useCurrency } from "./useCurrency";

const KEY = ["billing", "vouchers"];
const STATES = { open: "openVoucher", redeemed: "redeemedState", expired: "over" } as const;

/** Vouchers that were made here. */
export function Vouchers() {
  const t = useMessages(messages);
  const s = useMessages(shared);
  const format = useFormat();
  const client = useQueryClient();
  const [makes, setMakes] = useState(false);
  const [codes, setCodes] = useState<string | null>(null);
  const list = useList(KEY, (after) => ask(api.GET("/v1/organization/billing/vouchers", { params: { query: { limit: 50, ...(after && { after }) } } })));
  const button = <Button size="sm" leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setMakes(true)}>{t("makeVouchers")}</Button>;

  return (
    <Panel title={t("vouchers")} action={list.data?.length ? button : undefined}>
      <Loaded query={list} height={240}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState icon={IconTicket} title={t("noVouchers")} action={button}>{t("noVouchersHint")}</EmptyState>
          ) : (
            <WideTable label={t("vouchers")} minWidth={560} head={[t("amount"), t("state"), t("created"), t("expires"), "ID"]}>
              {rows.map((voucher) => (
                <Table.Tr key={voucher.id}>
                  <Table.Td fw={600}>{format.money(voucher.amount, voucher.currency)}</Table.Td>
                  <Table.Td><Badge variant="light" color={voucher.status === "open" ? "lake" : "gray"}>{t(STATES[voucher.status as keyof typeof STATES] ?? "over")}</Badge></Table.Td>
                  <Table.Td>{format.day(voucher.created_at)}</Table.Td>
                  <Table.Td>{voucher.expires_at ? format.day(voucher.expires_at) : s("never")}</Table.Td>
                  <Table.Td ff="monospace" fz="xs" className="breaks">{voucher.id}</Table.Td>
                </Table.Tr>
              ))}
            </WideTable>
          )
        }
      </Loaded>
      <More list={list} />
      {makes && <MakeDialog onClose={() => setMakes(false)} onMade={async (made) => { setCodes(made); await client.invalidateQueries({ queryKey: KEY }); }} />}
      <SecretDialog title={t("codes")} secret={codes} onClose={() => setCodes(null)} />
    </Panel>
  );
}

function MakeDialog({ onClose, onMade }: { onClose: () => void; onMade: (codes: string) => Promise<void> }) {
  const t = useMessages(messages);
  const { zone } = useFormat();
  const [count, setCount] = useState<number | string>(1);
  const [money, setMoney] = useState({ amount: "", currency: useCurrency() });
  const [lastDay, setLastDay] = useState("");

  async function make() {
    const { data } = await ask(api.POST("/v1/organization/billing/vouchers", { body: { count: Number(count), ...money, ...(lastDay && { expires_at: endOfDay(lastDay, zone) }) } }));
    await onMade(data.map(({ code }) => code).join("\n"));
  }

  return (
    <FormDialog opened onClose={onClose} title={t("makeVouchers")} action={t("makeVouchers")} ready={isAmount(money.amount) && Number(count) >= 1} onSubmit={make}>
      <NumberInput label={t("count")} required min={1} max={1000} allowDecimal={false} value={count} onChange={setCount} />
      <MoneyFields value={money} onChange={setMoney} />
      <TextInput label={t("expires")} description={t("expiresHint")} type="date" value={lastDay} onChange={(e) => setLastDay(e.currentTarget.value)} />
    </FormDialog>
  );
}
