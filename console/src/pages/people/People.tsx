import { Tabs } from "@mantine/core";
import { PageHead } from "../../components/PageHead";
import { useTab } from "../../components/useTab";
import { useMessages, useText } from "../../i18n/language";
import { people } from "./index";
import { Invites } from "./Invites";
import { messages } from "./messages";
import { Projects } from "./Projects";
import { Users } from "./Users";

/** Who belongs to the organisation, who is invited, and which projects there are. */
export default function People() {
  const t = useMessages(messages);
  const text = useText();
  const [tab, setTab] = useTab(["users", "invites", "projects"]);
  return (
    <>
      <PageHead title={text(people.title)} />
      <Tabs value={tab} onChange={setTab} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="users">{t("users")}</Tabs.Tab>
          <Tabs.Tab value="invites">{t("invites")}</Tabs.Tab>
          <Tabs.Tab value="projects">{t("projects")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="users"><Users onInvite={() => setTab("invites")} /></Tabs.Panel>
        <Tabs.Panel value="invites"><Invites /></Tabs.Panel>
        <Tabs.Panel value="projects"><Projects /></Tabs.Panel>
      </Tabs>
    </>
  );
}
