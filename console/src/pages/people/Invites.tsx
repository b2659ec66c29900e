import { ActionIcon, Badge, Button, MultiSelect, Select, Table, Text, TextInput } from "@mantine/core";
import { IconMail, IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { invites, type Invite, type Role } from "../../api/session";
import { useConfirm } from "../../components/confirm";
import { SecretDialog } from "../../components/Copyable";
import { EmptyState } from "../../components/EmptyState";
import { FormDialog } from "../../components/FormDialog";
import { Loaded } from "../../components/Loaded";
import { WideTable } from "../../components/paged";
import { Panel } from "../../components/Panel";
import { useFormat } from "../../format/useFormat";
import { useMessages } from "../../i18n/language";
import { useMayWrite, useSession } from "../../shell/session";
import { messages } from "./messages";
import { useRoles } from "./roles";

const KEY = ["invites"];
const STATES = { pending: "pending", accepted: "accepted", expired: "expired" } as const;

/** Who was asked to join. */
export function Invites() {
  const t = useMessages(messages);
  const format = useFormat();
  const client = useQueryClient();
  const { nameOf } = useRoles();
  const mayWrite = useMayWrite("people");
  const [dialog, confirm] = useConfirm();
  const [creates, setCreates] = useState(false);
  const [made, setMade] = useState<Invite | null>(null);
  const list = useQuery({ queryKey: KEY, queryFn: async () => (await invites.list()).data });
  const refresh = () => client.invalidateQueries({ queryKey: KEY });
  const button = mayWrite && <Button size="sm" leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setCreates(true)}>{t("invite")}</Button>;

  return (
    <Panel title={t("invites")} action={list.data?.length ? button : undefined}>
      <Loaded query={list} height={240}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState icon={IconMail} title={t("noInvites")} action={button}>{t("noInvitesHint")}</EmptyState>
          ) : (
            <WideTable label={t("invites")} minWidth={600} head={[t("email"), t("role"), t("status"), t("expires"), ""]}>
              {rows.map(({ id, email, role, status, expires_at }) => (
                <Table.Tr key={id}>
                  <Table.Td className="breaks" fw={600}>{email}</Table.Td>
                  <Table.Td>{nameOf(role)}</Table.Td>
                  <Table.Td><Badge variant="light" color={status === "pending" ? "blue" : "gray"}>{t(STATES[status])}</Badge></Table.Td>
                  <Table.Td>{format.time(expires_at)}</Table.Td>
                  <Table.Td className="narrow">
                    {mayWrite && (
                      <ActionIcon
                        color="red"
                        aria-label={t("removeInvite", { email })}
                        onClick={() =>
                          confirm({
                            title: t("removeInvite", { email }),
                            text: t("removeInviteText"),
                            action: t("withdraw"),
                            run: async () => {
                              await invites.delete(id);
                              await refresh();
                            },
                          })
                        }
                      >
                        <IconTrash size={18} aria-hidden />
                      </ActionIcon>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </WideTable>
          )
        }
      </Loaded>
      {dialog}
      {creates && <InviteDialog onClose={() => setCreates(false)} onMade={async (invite) => { setMade(invite); await refresh(); }} />}
      <SecretDialog title={t("inviteLink")} secret={made?.url ?? null} onClose={() => setMade(null)}>
        <Text size="sm" className="breaks">{t("inviteLinkHint", { email: made?.email ?? "" })}</Text>
      </SecretDialog>
    </Panel>
  );
}

function InviteDialog({ onClose, onMade }: { onClose: () => void; onMade: (invite: Invite) => Promise<void> }) {
  const t = useMessages(messages);
  const { projects } = useSession();
  const { options, hintOf } = useRoles();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("developer");
  const [chosen, setChosen] = useState<string[]>([]);

  async function send() {
    const memberships = chosen.map((id) => ({ id, role: "member" }));
    await onMade(await invites.create({ email: email.trim(), role, ...(memberships.length > 0 && { projects: memberships }) }));
  }

  return (
    <FormDialog opened onClose={onClose} title={t("inviteTitle")} action={t("invite")} ready={email.includes("@")} onSubmit={send}>
      <TextInput label={t("email")} type="email" required data-autofocus value={email} onChange={(e) => setEmail(e.currentTarget.value)} />
      <Select label={t("role")} description={hintOf(role)} data={options} value={role} onChange={(value) => value && setRole(value as Role)} allowDeselect={false} />
      <MultiSelect label={t("projects")} data={projects.map(({ id, name }) => ({ value: id, label: name }))} value={chosen} onChange={setChosen} />
    </FormDialog>
  );
}
