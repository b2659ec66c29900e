import { Button, Checkbox, Group, Modal, Paper, Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconCash, IconCoins, IconCreditCard, IconTicket } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { balanceQuery } from "../../api/queries";
import { EmptyState } from "../../components/EmptyState";
import { FormDialog } from "../../components/FormDialog";
import { Loaded } from "../../components/Loaded";
import { QrCode } from "../../components/QrCode";
import { isAmount } from "../../format/money";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { useMayWrite } from "../../shell/session";
import { messages } from "./messages";
import { MoneyFields } from "./MoneyFields";
import { useCurrency } from "./useCurrency";

type Opened = "redeem" | "topUp" | "online" | null;

/** What the organisation has, and how it gets more. */
export function Balance() {
  const t = useMessages(messages);
  const format = useFormat();
  const client = useQueryClient();
  const mayWrite = useMayWrite("billing");
  const balance = useQuery(balanceQuery);
  const [opened, setOpened] = useState<Opened>(null);
  const [order, setOrder] = useState<Schemas["Checkout"] | null>(null);
  const close = () => setOpened(null);
  const refresh = () => client.invalidateQueries({ queryKey: ["billing"] });

  return (
    <Stack>
      {mayWrite && (
        <Group gap="sm">
          <Button leftSection={<IconTicket size={18} aria-hidden />} onClick={() => setOpened("redeem")}>{t("redeemTitle")}</Button>
          <Button variant="default" leftSection={<IconCreditCard size={18} aria-hidden />} onClick={() => setOpened("online")}>{t("online")}</Button>
          <Button variant="default" leftSection={<IconCash size={18} aria-hidden />} onClick={() => setOpened("topUp")}>{t("topUp")}</Button>
        </Group>
      )}
      <Loaded query={balance} height={180}>
        {(balances) =>
          balances.length === 0 ? (
            <Paper withBorder><EmptyState icon={IconCoins} title={t("noBalance")}>{t("noBalanceHint")}</EmptyState></Paper>
          ) : (
            balances.map(({ currency, ...amounts }) => (
              <Paper key={currency} withBorder p="md" component="section" aria-label={t("balanceOf", { currency })}>
                <Text size="sm" c="dimmed">{t("available")} · {currency}</Text>
                <Text fz={30} fw={650} className="breaks" mb="md">{format.money(amounts.available, currency)}</Text>
                <SimpleGrid cols={{ base: 2, md: 5 }}>
                  {(["paid", "granted", "held", "owed", "charged"] as const).map((key) => (
                    <div key={key}>
                      <Text size="xs" c="dimmed">{t(key)}</Text>
                      <Text size="sm" className="breaks" fw={key === "owed" ? 600 : undefined}>{format.money(amounts[key], currency)}</Text>
                    </div>
                  ))}
                </SimpleGrid>
              </Paper>
            ))
          )
        }
      </Loaded>
      {opened === "redeem" && <RedeemDialog onClose={close} onDone={refresh} />}
      {opened === "topUp" && <TopUpDialog onClose={close} onDone={refresh} />}
      {opened === "online" && <OnlineDialog onClose={close} onOrder={setOrder} />}
      <Modal opened={order !== null} onClose={() => { setOrder(null); void refresh(); }} title={t("online")} closeButtonProps={{ "aria-label": t("online") }}>
        <Stack align="center">
          {order?.qr_code && <><QrCode text={order.qr_code} label={t("payScan")} /><Text size="sm">{t("payScan")}</Text></>}
          {order?.redirect_url && <Button component="a" href={order.redirect_url} rel="noreferrer">{t("payAt")}</Button>}
        </Stack>
      </Modal>
    </Stack>
  );
}

type DialogProps = { onClose: () => void; onDone: () => Promise<unknown> };

function RedeemDialog({ onClose, onDone }: DialogProps) {
  const t = useMessages(messages);
  const format = useFormat();
  const [code, setCode] = useState("");

  async function redeem() {
    const { entries } = await ask(api.POST("/v1/organization/billing/vouchers/redeem", { body: { code: code.trim() } }));
    const entry = entries[0];
    if (entry) notifications.show({ message: t("redeemed", { amount: format.money(entry.amount, entry.currency) }) });
    await onDone();
  }

  return (
    <FormDialog opened onClose={onClose} title={t("redeemTitle")} action={t("redeem")} ready={!!code.trim()} onSubmit={redeem}>
      <TextInput label={t("code")} required data-autofocus autoComplete="off" placeholder="XXXXX-XXXXX-XXXXX-XXXXX" value={code} onChange={(e) => setCode(e.currentTarget.value)} />
    </FormDialog>
  );
}

function TopUpDialog({ onClose, onDone }: DialogProps) {
  const t = useMessages(messages);
  const [money, setMoney] = useState({ amount: "", currency: useCurrency() });
  const [memo, setMemo] = useState("");

  async function topUp() {
    await ask(api.POST("/v1/organization/billing/top_ups", { body: { ...money, ...(memo.trim() && { memo: memo.trim() }) } }));
    await onDone();
  }

  return (
    <FormDialog opened onClose={onClose} title={t("topUp")} action={t("topUp")} ready={isAmount(money.amount)} onSubmit={topUp}>
      <Text size="sm" c="dimmed">{t("topUpHint")}</Text>
      <MoneyFields value={money} onChange={setMoney} />
      <TextInput label={t("memo")} value={memo} onChange={(e) => setMemo(e.currentTarget.value)} />
    </FormDialog>
  );
}

const PROVIDERS = [
  { value: "stripe", label: "Stripe" },
  { value: "alipay", label: "Alipay · 支付宝" },
  { value: "wechat_pay", label: "WeChat Pay · 微信支付" },
];

function OnlineDialog({ onClose, onOrder }: { onClose: () => void; onOrder: (order: Schemas["Checkout"]) => void }) {
  const t = useMessages(messages);
  const [money, setMoney] = useState({ amount: "", currency: useCurrency() });
  const [provider, setProvider] = useState("stripe");
  const [keeps, setKeeps] = useState(false);

  async function order() {
    // Stripe alone can keep a way to pay.
    const body = { provider, ...money, return_url: location.href, ...(provider === "stripe" && keeps && { save_payment_method: true }) };
    onOrder(await ask(api.POST("/v1/organization/billing/checkouts", { body })));
  }

  return (
    <FormDialog opened onClose={onClose} title={t("online")} action={t("online")} ready={isAmount(money.amount)} onSubmit={order}>
      <Select label={t("provider")} data={PROVIDERS} value={provider} onChange={(value) => value && setProvider(value)} allowDeselect={false} />
      <MoneyFields value={money} onChange={setMoney} />
      {provider === "stripe" && <Checkbox label={t("saveMethod")} checked={keeps} onChange={(e) => setKeeps(e.currentTarget.checked)} />}
    </FormDialog>
  );
}
