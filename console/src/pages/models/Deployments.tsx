import { ActionIcon, Badge, Menu, Paper, Pill, Table, Text, TextInput } from "@mantine/core";
import { IconDots, IconPuzzle, IconServer2, IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { deploymentsQuery, modelsQuery } from "../../api/queries";
import { useConfirm } from "../../components/confirm";
import { EmptyState } from "../../components/EmptyState";
import { FormDialog } from "../../components/FormDialog";
import { Loaded } from "../../components/Loaded";
import { shared } from "../../components/messages";
import { WideTable } from "../../components/paged";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { useMayWrite, useSession } from "../../shell/session";
import { messages } from "./messages";

/** Everything that is offered under a name. */
export function Deployments() {
  const t = useMessages(messages);
  const s = useMessages(shared);
  const format = useFormat();
  const client = useQueryClient();
  const { projects } = useSession();
  const mayWrite = useMayWrite("models");
  const deployments = useQuery(deploymentsQuery);
  const [dialog, confirm] = useConfirm();
  const [adapterOf, setAdapterOf] = useState<string | null>(null);
  const refresh = () => Promise.all([deploymentsQuery, modelsQuery].map(({ queryKey }) => client.invalidateQueries({ queryKey })));

  function remove(name: string) {
    confirm({
      title: t("removeDeployment", { name }),
      text: t("removeDeploymentText", { name }),
      action: t("remove"),
      run: async () => {
        await ask(api.DELETE("/v1/deployments/{name}", { params: { path: { name } } }));
        await refresh();
      },
    });
  }

  function removeAdapter(name: string, adapter: string) {
    confirm({
      title: t("removeAdapter", { name: adapter }),
      text: t("removeAdapterText"),
      action: t("remove"),
      run: async () => {
        await ask(api.DELETE("/v1/deployments/{name}/adapters/{adapter}", { params: { path: { name, adapter } } }));
        await refresh();
      },
    });
  }

  return (
    <Paper withBorder>
      <Loaded query={deployments} height={240}>
        {(list) =>
          list.length === 0 ? (
            <EmptyState icon={IconServer2} title={t("noDeployments")}>{t("noDeploymentsHint")}</EmptyState>
          ) : (
            <WideTable label={t("deployments")} minWidth={760} head={[t("name"), t("source"), t("adapters"), t("moreLimits"), t("project"), s("created"), ""]}>
              {list.map((deployment) => (
                <Table.Tr key={deployment.id}>
                  <Table.Td className="breaks" fw={600}>{deployment.name}</Table.Td>
                  <Table.Td>
                    {deployment.model ? (
                      <Text size="sm" className="breaks">{deployment.model}</Text>
                    ) : (
                      <Badge variant="light" color="grape">{t("fromUpstream")}</Badge>
                    )}
                  </Table.Td>
                  <Table.Td>
                    {deployment.adapters.length === 0
                      ? <Text size="sm" c="dimmed">{s("none")}</Text>
                      : deployment.adapters.map((adapter) => (
                          <Pill key={adapter} withRemoveButton={mayWrite} onRemove={() => removeAdapter(deployment.name, adapter)} removeButtonProps={{ "aria-label": t("removeAdapter", { name: adapter }), "aria-hidden": false, tabIndex: 0 }}>{adapter}</Pill>
                        ))}
                  </Table.Td>
                  <Table.Td>
                    <Text size="xs">{t("concurrency")}: {format.number(deployment.max_concurrency)}</Text>
                    <Text size="xs">{t("queue")}: {format.number(deployment.queue_limit)}</Text>
                  </Table.Td>
                  <Table.Td>{deployment.project_id ? (projects.find(({ id }) => id === deployment.project_id)?.name ?? deployment.project_id) : t("anyProject")}</Table.Td>
                  <Table.Td>{format.time(deployment.created_at)}</Table.Td>
                  <Table.Td className="narrow">
                    {mayWrite && (
                      <Menu position="bottom-end">
                        <Menu.Target><ActionIcon aria-label={deployment.name}><IconDots size={18} aria-hidden /></ActionIcon></Menu.Target>
                        <Menu.Dropdown>
                          {deployment.model && <Menu.Item leftSection={<IconPuzzle size={16} aria-hidden />} onClick={() => setAdapterOf(deployment.name)}>{t("addAdapter")}</Menu.Item>}
                          <Menu.Item color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => remove(deployment.name)}>{t("remove")}</Menu.Item>
                        </Menu.Dropdown>
                      </Menu>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </WideTable>
          )
        }
      </Loaded>
      {dialog}
      {adapterOf !== null && <AdapterDialog deployment={adapterOf} onClose={() => setAdapterOf(null)} onAdded={refresh} />}
    </Paper>
  );
}

function AdapterDialog({ deployment, onClose, onAdded }: { deployment: string; onClose: () => void; onAdded: () => Promise<unknown> }) {
  const t = useMessages(messages);
  const [name, setName] = useState("");
  const [path, setPath] = useState("");

  async function add() {
    await ask(api.POST("/v1/deployments/{name}/adapters", { params: { path: { name: deployment } }, body: { name: name.trim(), path: path.trim() } }));
    await onAdded();
  }

  return (
    <FormDialog opened onClose={onClose} title={t("addAdapterTo", { name: deployment })} action={t("addAdapter")} ready={!!name.trim() && !!path.trim()} onSubmit={add}>
      <TextInput label={t("adapterName")} description={t("adapterNameHint")} required data-autofocus value={name} onChange={(e) => setName(e.currentTarget.value)} />
      <TextInput label={t("adapterPath")} required placeholder="/srv/adapters/support.gguf" value={path} onChange={(e) => setPath(e.currentTarget.value)} />
    </FormDialog>
  );
}
