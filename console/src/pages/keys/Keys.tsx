import { Tabs } from "@mantine/core";
import { PageHead } from "../../components/PageHead";
import { useTab } from "../../components/useTab";
import { useMessages, useText } from "../../i18n/language";
import { useMayRead } from "../../shell/session";
import { AdminKeys } from "./AdminKeys";
import { keys } from "./index";
import { messages } from "./messages";
import { ProjectKeys } from "./ProjectKeys";
import { ServiceAccounts } from "./ServiceAccounts";

/** Keys of the chosen project, its service accounts, and the organisation's admin keys. */
export default function Keys() {
  const t = useMessages(messages);
  const text = useText();
  const seesPeople = useMayRead("people");
  const [tab, setTab] = useTab(seesPeople ? ["project", "accounts", "admin"] : ["project"]);
  return (
    <>
      <PageHead title={text(keys.title)} lead={t("projectLead")} />
      {seesPeople ? (
        <Tabs value={tab} onChange={setTab} keepMounted={false}>
          <Tabs.List mb="md">
            <Tabs.Tab value="project">{text(keys.title)}</Tabs.Tab>
            <Tabs.Tab value="accounts">{t("serviceAccounts")}</Tabs.Tab>
            <Tabs.Tab value="admin">{t("adminKeys")}</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="project"><ProjectKeys /></Tabs.Panel>
          <Tabs.Panel value="accounts"><ServiceAccounts /></Tabs.Panel>
          <Tabs.Panel value="admin"><AdminKeys /></Tabs.Panel>
        </Tabs>
      ) : (
        <ProjectKeys />
      )}
    </>
  );
}
