import { IconCoins, IconGauge, IconPlugConnectedX, IconShieldLock, type Icon } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { balanceQuery, budgetsQuery, healthQuery, profileQuery } from "../../api/queries";
import { toNanos } from "../../format/money";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { useMayRead, useSession } from "../../shell/session";
import { messages } from "./messages";

type Attention = { id: string; icon: Icon; title: string; text: string; to?: string; search?: { tab: string } };

/** What somebody should look at, the most pressing first. */
export function useAttention(): Attention[] {
  const t = useMessages(messages);
  const format = useFormat();
  const { user } = useSession();
  const enabled = useMayRead("billing");
  const health = useQuery(healthQuery);
  const profile = useQuery({ ...profileQuery, enabled });
  const balance = useQuery({ ...balanceQuery, enabled });
  const budgets = useQuery({ ...budgetsQuery, enabled });
  const found: Attention[] = [];

  if (health.data === false) found.push({ id: "health", icon: IconPlugConnectedX, title: t("notReady"), text: t("notReadyHint") });
  if (profile.data?.mode === "prepaid" && !balance.data?.some(({ available }) => toNanos(available) > 0n) && balance.data) {
    found.push({ id: "balance", icon: IconCoins, title: t("lowBalance"), text: t("lowBalanceHint"), to: "/billing" });
  }
  for (const { id, amount, spent, currency, subject } of budgets.data ?? []) {
    const [most, used] = [toNanos(amount), toNanos(spent)];
    if (used * 10n < most * 8n) continue;
    const money = t("budgetOf", { spent: format.money(spent, currency), amount: format.money(amount, currency) });
    found.push({
      id,
      icon: IconGauge,
      title: used >= most ? t("budgetFull") : t("budgetNear"),
      text: subject ? `${subject}: ${money}` : money,
      to: "/billing",
      search: { tab: "budgets" },
    });
  }
  if (!user.has_totp && !user.has_passkey) {
    found.push({ id: "totp", icon: IconShieldLock, title: t("addTotp"), text: t("addTotpHint"), to: "/account" });
  }
  return found;
}
