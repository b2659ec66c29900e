import { Alert, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client";
import { profileQuery } from "../../api/queries";
import { Loaded } from "../../components/Loaded";
import { PageHead } from "../../components/PageHead";
import { useMessages, useText } from "../../i18n/language";
import { useMayWrite, useSession } from "../../shell/session";
import { InvoiceDetails } from "./InvoiceDetails";
import { settings } from "./index";
import { messages } from "./messages";
import { Profile } from "./Profile";

/** How the organisation's days begin, how it pays, and who it is on invoices. */
export default function Settings() {
  const t = useMessages(messages);
  const text = useText();
  const { organization } = useSession();
  const mayWrite = useMayWrite("settings");
  const profile = useQuery(profileQuery);
  const details = useQuery({ queryKey: ["billing", "details"], queryFn: () => ask(api.GET("/v1/organization/billing/details")) });
  return (
    <>
      <PageHead title={text(settings.title)} lead={organization.name} />
      <Stack gap="md" maw={760}>
        {!mayWrite && <Alert>{t("readOnly")}</Alert>}
        <Loaded query={profile} height={360}>{(data) => <Profile profile={data} mayWrite={mayWrite} />}</Loaded>
        <Loaded query={details} height={420}>{(data) => <InvoiceDetails details={data} mayWrite={mayWrite} />}</Loaded>
      </Stack>
    </>
  );
}
