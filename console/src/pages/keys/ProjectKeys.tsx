import { Button, MultiSelect, Select, Text, TextInput } from "@mantine/core";
import { IconKey, IconPlus } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { modelsQuery } from "../../api/queries";
import { useConfirm } from "../../components/confirm";
import { CopyBlock, SecretDialog } from "../../components/Copyable";
import { EmptyState } from "../../components/EmptyState";
import { FormDialog } from "../../components/FormDialog";
import { Loaded } from "../../components/Loaded";
import { More, useList } from "../../components/paged";
import { Panel } from "../../components/Panel";
import { useMessages } from "../../i18n/language";
import { useMayWrite, useProject, useSession } from "../../shell/session";
import { ExpirySelect } from "./ExpirySelect";
import { KeyTable, SCOPE_NAMES, useScopeName } from "./KeyTable";
import { messages } from "./messages";

/** The keys that call in the chosen project's name. */
export function ProjectKeys() {
  const t = useMessages(messages);
  const client = useQueryClient();
  const { access, projects } = useSession();
  const { project } = useProject();
  const mayWrite = useMayWrite("people") || access.calls;
  const [dialog, confirm] = useConfirm();
  const [creates, setCreates] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const key = ["project keys", project];
  const refresh = () => client.invalidateQueries({ queryKey: key });
  const list = useList(key, (after) =>
    ask(api.GET("/v1/organization/projects/{project_id}/api_keys", { params: { path: { project_id: project }, query: { limit: 50, ...(after && { after }) } } })),
  );
  const name = projects.find(({ id }) => id === project)?.name ?? project;
  const button = mayWrite && <Button size="sm" leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setCreates(true)}>{t("create")}</Button>;

  return (
    <Panel title={t("projectKeys", { project: name })} action={list.data?.length ? button : undefined}>
      <Loaded query={list} height={240}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState icon={IconKey} title={t("noKeys")} action={button}>{t("noKeysHint")}</EmptyState>
          ) : (
            <KeyTable
              label={t("projectKeys", { project: name })}
              rows={rows.map((row) => ({ ...row, ownerName: row.owner.user?.name ?? row.owner.service_account?.name ?? "" }))}
              onRevoke={
                mayWrite
                  ? (row) =>
                      confirm({
                        title: t("revokeKey", { name: row.name }),
                        text: t("revokeText"),
                        action: t("revoke"),
                        run: async () => {
                          await ask(api.DELETE("/v1/organization/projects/{project_id}/api_keys/{key_id}", { params: { path: { project_id: project, key_id: row.id } } }));
                          await refresh();
                        },
                      })
                  : undefined
              }
            />
          )
        }
      </Loaded>
      <More list={list} />
      {dialog}
      {creates && <CreateDialog project={project} onClose={() => setCreates(false)} onCreated={async (value) => { setSecret(value); await refresh(); }} />}
      <SecretDialog title={t("newKey")} secret={secret} onClose={() => setSecret(null)}>
        {secret && <Example secret={secret} />}
      </SecretDialog>
    </Panel>
  );
}

// The key itself is not written into the example, so that it does not end up in a shell's history.
function Example({ secret }: { secret: string }) {
  const t = useMessages(messages);
  const models = useQuery(modelsQuery);
  const model = models.data?.[0]?.id ?? "MODEL";
  const prefix = secret.slice(0, 6);
  const code = `export TENFOLD_API_KEY=${prefix}...\ncurl ${location.origin}/v1/chat/completions \\\n  -H "authorization: Bearer $TENFOLD_API_KEY" -H "content-type: application/json" \\\n  -d '${JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] })}'`;
  return <div><Text size="sm" mb={4}>{t("tryIt")}</Text><CopyBlock text={code} /></div>;
}

const ME = "me";

function CreateDialog({ project, onClose, onCreated }: { project: string; onClose: () => void; onCreated: (value: string) => Promise<void> }) {
  const t = useMessages(messages);
  const scopeName = useScopeName();
  const seesPeople = useMayWrite("people");
  const [name, setName] = useState("");
  const [owner, setOwner] = useState(ME);
  const [scopes, setScopes] = useState<string[]>([]);
  const [expiry, setExpiry] = useState<number | null>(null);
  const accounts = useQuery({
    queryKey: ["service accounts", project, "names"],
    queryFn: async () => (await ask(api.GET("/v1/organization/projects/{project_id}/service_accounts", { params: { path: { project_id: project }, query: { limit: 100 } } }))).data,
    enabled: seesPeople,
  });

  async function create() {
    const key = await ask(
      api.POST("/v1/organization/projects/{project_id}/api_keys", {
        params: { path: { project_id: project } },
        body: {
          name: name.trim(),
          ...(owner !== ME && { service_account_id: owner }),
          ...(scopes.length > 0 && { scopes }),
          ...(expiry !== null && { expires_in_seconds: expiry }),
        },
      }),
    );
    await onCreated(key.value!);
  }

  return (
    <FormDialog opened onClose={onClose} title={t("create")} action={t("create")} ready={!!name.trim()} onSubmit={create}>
      <TextInput label={t("name")} required data-autofocus value={name} onChange={(e) => setName(e.currentTarget.value)} />
      {seesPeople && (
        <Select
          label={t("owner")}
          data={[{ value: ME, label: t("me") }, ...(accounts.data ?? []).map(({ id, name }) => ({ value: id, label: `${t("serviceAccount")}: ${name}` }))]}
          value={owner}
          onChange={(value) => setOwner(value ?? ME)}
          allowDeselect={false}
        />
      )}
      <MultiSelect label={t("scopes")} placeholder={scopes.length ? "" : t("allScopes")} data={SCOPE_NAMES.map((value) => ({ value, label: scopeName(value) }))} value={scopes} onChange={setScopes} />
      <ExpirySelect value={expiry} onChange={setExpiry} />
    </FormDialog>
  );
}
