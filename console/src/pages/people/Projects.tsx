import { ActionIcon, Badge, Button, Menu, Table, TextInput } from "@mantine/core";
import { IconArchive, IconDots, IconPencil, IconPlus, IconUsers } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { useConfirm } from "../../components/confirm";
import { FormDialog } from "../../components/FormDialog";
import { Loaded } from "../../components/Loaded";
import { shared } from "../../components/messages";
import { More, useList, WideTable } from "../../components/paged";
import { Panel } from "../../components/Panel";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { sessionQuery, useMayWrite } from "../../shell/session";
import { Members } from "./Members";
import { messages } from "./messages";

const KEY = ["projects"];

type Named = { id: string; name: string };

/** The organisation's projects. */
export function Projects() {
  const t = useMessages(messages);
  const s = useMessages(shared);
  const format = useFormat();
  const client = useQueryClient();
  const mayWrite = useMayWrite("people");
  const [dialog, confirm] = useConfirm();
  // The project that gets another name, or "new" for one that is to be made.
  const [named, setNamed] = useState<Named | "new" | null>(null);
  const [membersOf, setMembersOf] = useState<Named | null>(null);
  const list = useList(KEY, (after) => ask(api.GET("/v1/organization/projects", { params: { query: { limit: 50, include_archived: true, ...(after && { after }) } } })));
  // The session lists projects too, for the chooser.
  const refresh = () => Promise.all([KEY, sessionQuery.queryKey].map((queryKey) => client.invalidateQueries({ queryKey })));

  return (
    <Panel title={t("projects")} action={mayWrite && <Button size="sm" leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setNamed("new")}>{t("createProject")}</Button>}>
      <Loaded query={list} height={240}>
        {(rows) => (
          <WideTable label={t("projects")} minWidth={560} head={[t("name"), "ID", s("created"), t("status"), ""]}>
            {rows.map((project) => (
              <Table.Tr key={project.id}>
                <Table.Td className="breaks" fw={600}>{project.name}</Table.Td>
                <Table.Td className="breaks" ff="monospace" fz="xs">{project.id}</Table.Td>
                <Table.Td>{format.day(project.created_at)}</Table.Td>
                <Table.Td>{project.status === "archived" && <Badge variant="light" color="gray">{t("archived")}</Badge>}</Table.Td>
                <Table.Td className="narrow">
                  {project.status === "active" && (
                    <Menu position="bottom-end">
                      <Menu.Target><ActionIcon aria-label={project.name}><IconDots size={18} aria-hidden /></ActionIcon></Menu.Target>
                      <Menu.Dropdown>
                        <Menu.Item leftSection={<IconUsers size={16} aria-hidden />} onClick={() => setMembersOf(project)}>{t("members")}</Menu.Item>
                        {mayWrite && (
                          <>
                            <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={() => setNamed(project)}>{t("rename")}</Menu.Item>
                            <Menu.Item
                              color="red"
                              leftSection={<IconArchive size={16} aria-hidden />}
                              onClick={() =>
                                confirm({
                                  title: t("archiveProject", { name: project.name }),
                                  text: t("archiveText"),
                                  action: t("archive"),
                                  run: async () => {
                                    await ask(api.POST("/v1/organization/projects/{project_id}/archive", { params: { path: { project_id: project.id } } }));
                                    await refresh();
                                  },
                                })
                              }
                            >
                              {t("archive")}
                            </Menu.Item>
                          </>
                        )}
                      </Menu.Dropdown>
                    </Menu>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </WideTable>
        )}
      </Loaded>
      <More list={list} />
      {dialog}
      {named && <NameDialog project={named === "new" ? null : named} onClose={() => setNamed(null)} onDone={refresh} />}
      {membersOf && <Members project={membersOf} onClose={() => setMembersOf(null)} />}
    </Panel>
  );
}

function NameDialog({ project, onClose, onDone }: { project: Named | null; onClose: () => void; onDone: () => Promise<unknown> }) {
  const t = useMessages(messages);
  const [name, setName] = useState(project?.name ?? "");

  async function submit() {
    const body = { name: name.trim() };
    if (project) await ask(api.POST("/v1/organization/projects/{project_id}", { params: { path: { project_id: project.id } }, body }));
    else await ask(api.POST("/v1/organization/projects", { body }));
    await onDone();
  }

  const title = project ? t("renameProject", { name: project.name }) : t("createProject");
  return (
    <FormDialog opened onClose={onClose} title={title} action={project ? t("rename") : t("createProject")} ready={!!name.trim()} onSubmit={submit}>
      <TextInput label={t("name")} required data-autofocus value={name} onChange={(e) => setName(e.currentTarget.value)} />
    </FormDialog>
  );
}
