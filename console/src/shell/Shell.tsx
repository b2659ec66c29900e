import { AppShell, Burger, Button, Group, Menu, NavLink, ScrollArea, Select, Text, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconLogout, IconUserCircle } from "@tabler/icons-react";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect } from "react";
import { account } from "../api/session";
import { useMessages, useText } from "../i18n/language";
import { pages } from "../pages";
import { messages } from "./messages";
import { mayOpen, useEnter, useProject, useSession } from "./session";
import { LanguageSwitch, SchemeSwitch } from "./switches";

/** The frame of every page: navigation by access, project, language, colours, sign-out. */
export function Shell() {
  const t = useMessages(messages);
  const text = useText();
  const session = useSession();
  const { project, setProject } = useProject();
  const enter = useEnter();
  const [opened, { toggle, close }] = useDisclosure();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const current = pages.find((page) => page.path === path);

  useEffect(() => {
    document.title = current ? `${text(current.title)} · Tenfold` : "Tenfold";
  }, [current, text]);
  useEffect(close, [path, close]);

  async function signOut() {
    // Signed out here in any case: a session that the server has ended already is no error.
    await account.signOut().catch(() => undefined);
    enter(null);
  }

  return (
    <AppShell header={{ height: 56 }} navbar={{ width: 220, breakpoint: "sm", collapsed: { mobile: !opened } }} padding={{ base: "md", sm: "lg" }}>
      <a className="skip" href="#content">{t("skip")}</a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap="xs" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t("menu")} aria-expanded={opened} />
            <img src="/console/icon.svg" width={26} height={26} alt="" />
            <Text fw={700} visibleFrom="xs">Tenfold</Text>
            <Text c="dimmed" size="sm" truncate maw={200} visibleFrom="md">{session.organization.name}</Text>
          </Group>
          <Group gap={4} wrap="nowrap">
            {session.projects.length > 0 && (
              <Select
                aria-label={t("project")}
                data={session.projects.map(({ id, name }) => ({ value: id, label: name }))}
                value={project}
                onChange={(value) => value && setProject(value)}
                allowDeselect={false}
                searchable={session.projects.length > 8}
                size="xs"
                w={{ base: 120, sm: 180 }}
              />
            )}
            <Group gap={4} wrap="nowrap" visibleFrom="sm"><LanguageSwitch /></Group>
            <SchemeSwitch />
            <Menu position="bottom-end" width={240}>
              <Menu.Target>
                <UnstyledButton aria-label={session.user.name} className="user-button"><IconUserCircle size={24} aria-hidden /></UnstyledButton>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Label><Text size="sm" fw={600} truncate>{session.user.name}</Text><Text size="xs" truncate>{session.user.email}</Text></Menu.Label>
                {pages.filter((page) => page.isPersonal).map((page) => (
                  <Menu.Item key={page.path} component={Link} to={page.path} leftSection={<page.icon size={18} aria-hidden />}>{text(page.title)}</Menu.Item>
                ))}
                <Menu.Divider />
                <Menu.Item leftSection={<IconLogout size={18} aria-hidden />} onClick={() => void signOut()}>{t("signOut")}</Menu.Item>
              </Menu.Dropdown>
            </Menu>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar aria-label={t("navigation")}>
        <AppShell.Section grow component={ScrollArea} p="xs">
          {pages.filter((page) => !page.isPersonal && mayOpen(session.access, page.needs)).map((page) => (
            <NavLink
              key={page.path}
              component={Link}
              to={page.path}
              active={page === current}
              aria-current={page === current ? "page" : undefined}
              label={text(page.title)}
              leftSection={<page.icon size={19} stroke={1.7} aria-hidden />}
              className="nav-link"
            />
          ))}
        </AppShell.Section>
        <AppShell.Section p="xs" hiddenFrom="sm"><LanguageSwitch /></AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <div className="content"><Outlet /></div>
      </AppShell.Main>
    </AppShell>
  );
}

/** What stands where there is no page, or none for this role. */
export function NoPage({ forbidden = false }: { forbidden?: boolean }) {
  const t = useMessages(messages);
  const { organization } = useSession();
  return (
    <div className="no-page">
      <h1>{forbidden ? t("noAccess") : t("notFound")}</h1>
      <p>{forbidden ? t("noAccessHint", { name: organization.name }) : t("notFoundHint")}</p>
      <Button component={Link} to="/" variant="light">{t("startAgain")}</Button>
    </div>
  );
}
