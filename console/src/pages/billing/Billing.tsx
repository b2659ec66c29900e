import { ScrollArea, Tabs } from "@mantine/core";
import { PageHead } from "../../components/PageHead";
import { useTab } from "../../components/useTab";
import { useMessages, useText } from "../../i18n/language";
import { useMayWrite } from "../../shell/session";
import { Alerts } from "./Alerts";
import { Balance } from "./Balance";
import { Budgets } from "./Budgets";
import { billing } from "./index";
import { Invoices } from "./Invoices";
import { Ledger } from "./Ledger";
import { Limits } from "./Limits";
import { messages } from "./messages";
import { Plans } from "./Plans";
import { Vouchers } from "./Vouchers";

// On a narrow screen the tabs scroll sideways, and the open one must be in sight.
const showTab = (tab: HTMLElement | null) => tab?.scrollIntoView({ block: "nearest", inline: "center" });

/** What there is, what is owed, what bounds spending, and how money moved. */
export default function Billing() {
  const t = useMessages(messages);
  const text = useText();
  const mayWrite = useMayWrite("billing");
  const tabs = {
    balance: [t("balance"), Balance],
    invoices: [t("invoices"), Invoices],
    plans: [t("plans"), Plans],
    budgets: [t("budgets"), Budgets],
    limits: [t("limits"), Limits],
    alerts: [t("alerts"), Alerts],
    ledger: [t("ledger"), Ledger],
    // The codes of vouchers are for those who hand them out.
    ...(mayWrite && { vouchers: [t("vouchers"), Vouchers] as const }),
  } as const;
  const [tab, setTab] = useTab(Object.keys(tabs));
  return (
    <>
      <PageHead title={text(billing.title)} />
      <Tabs value={tab} onChange={setTab} keepMounted={false}>
        <ScrollArea type="never" mb="md">
          <Tabs.List style={{ flexWrap: "nowrap", minWidth: "max-content" }}>
            {Object.entries(tabs).map(([id, [title]]) => <Tabs.Tab key={id} value={id} miw="max-content" ref={id === tab ? showTab : undefined}>{title}</Tabs.Tab>)}
          </Tabs.List>
        </ScrollArea>
        {Object.entries(tabs).map(([id, [, Content]]) => <Tabs.Panel key={id} value={id}><Content /></Tabs.Panel>)}
      </Tabs>
    </>
  );
}
