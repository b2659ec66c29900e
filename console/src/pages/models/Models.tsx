import { Button, Tabs } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { PageHead } from "../../components/PageHead";
import { useTab } from "../../components/useTab";
import { useMessages, useText } from "../../i18n/language";
import { useMayWrite } from "../../shell/session";
import { Catalogue } from "./Catalogue";
import { Deployments } from "./Deployments";
import { DeployDialog } from "./DeployDialog";
import { models } from "./index";
import { messages } from "./messages";

/** What can be offered, and what is. */
export default function Models() {
  const t = useMessages(messages);
  const text = useText();
  const mayWrite = useMayWrite("models");
  const [tab, setTab] = useTab(["catalogue", "deployments"]);
  // The model that is to be deployed; "" for one that is chosen in the dialog.
  const [toDeploy, setToDeploy] = useState<string | null>(null);

  return (
    <>
      <PageHead title={text(models.title)}>
        {mayWrite && <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setToDeploy("")}>{t("deployTitle")}</Button>}
      </PageHead>
      <Tabs value={tab} onChange={setTab} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="catalogue">{t("catalogue")}</Tabs.Tab>
          <Tabs.Tab value="deployments">{t("deployments")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="catalogue"><Catalogue onDeploy={setToDeploy} /></Tabs.Panel>
        <Tabs.Panel value="deployments"><Deployments /></Tabs.Panel>
      </Tabs>
      {toDeploy !== null && <DeployDialog model={toDeploy} onClose={() => setToDeploy(null)} onDeployed={() => setTab("deployments")} />}
    </>
  );
}
