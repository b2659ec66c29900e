import "./playground.css";
import { ActionIcon, Button, Drawer, Group, Modal, Paper, Switch, Tabs, Text, Textarea } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { IconAdjustments, IconCode, IconPlayerStopFilled, IconPlus, IconSend2, IconServer2 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useState, useSyncExternalStore, type KeyboardEvent } from "react";
import { modelsQuery } from "../../api/queries";
import { CopyBlock } from "../../components/Copyable";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { PageHead } from "../../components/PageHead";
import { useMessages, useText } from "../../i18n/language";
import { useSession } from "../../shell/session";
import { Column } from "./Column";
import { Conversation } from "./Conversation";
import { playground } from "./index";
import { messages } from "./messages";
import { NO_SETTINGS, requestOf } from "./request";
import { SettingsForm } from "./SettingsForm";
import { showCode } from "./showCode";

// They live as long as the tab, so that a look at another page loses nothing, but for one user alone.
let kept = { user: "", first: new Conversation(), second: new Conversation() };

function conversationsOf(user: string) {
  if (kept.user !== user) {
    kept.first.stop();
    kept.second.stop();
    kept = { user, first: new Conversation(), second: new Conversation() };
  }
  return kept;
}

/** Talks with one model, or with two side by side. */
export default function Playground() {
  const t = useMessages(messages);
  const text = useText();
  const models = useQuery(modelsQuery);
  return (
    <>
      <Loaded query={models} height={480}>
        {(list) => {
          // Of an upstream it is not known what it can do, so it is offered.
          const names = list.filter(({ capabilities }) => capabilities?.includes("chat") ?? true).map(({ id }) => id);
          if (names.length > 0) return <Talk models={names} />;
          return (
            <>
              <PageHead title={text(playground.title)} />
              <EmptyState icon={IconServer2} title={t("noModels")} action={<Button component={Link} to="/models">{t("toModels")}</Button>}>{t("noModelsHint")}</EmptyState>
            </>
          );
        }}
      </Loaded>
    </>
  );
}

function Talk({ models }: { models: string[] }) {
  const t = useMessages(messages);
  const text = useText();
  const { first, second } = conversationsOf(useSession().user.id);
  const { model: asked }: { model?: string } = useSearch({ strict: false });
  const [left, setLeft] = useState(() => models.find((name) => name === asked) ?? models[0]!);
  const [right, setRight] = useState(() => models.find((name) => name !== left) ?? left);
  const [compares, setCompares] = useState(() => second.read().messages.length > 0);
  const [settings, setSettings] = useState(NO_SETTINGS);
  const [draft, setDraft] = useState("");
  const [showsSettings, drawer] = useDisclosure();
  const [showsCode, code] = useDisclosure();
  const isWide = useMediaQuery("(min-width: 75em)", true);
  const isLeftBusy = useSyncExternalStore(first.subscribe, () => first.read().isAnswering);
  const isRightBusy = useSyncExternalStore(second.subscribe, () => second.read().isAnswering);
  const isBusy = isLeftBusy || isRightBusy;

  function send() {
    const content = draft.trim();
    if (!content || isBusy) return;
    setDraft("");
    void first.say(content, left, settings);
    if (compares) void second.say(content, right, settings);
  }

  function onKey(event: KeyboardEvent) {
    // Enter also ends the composition of Chinese characters, and then it must not send.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  }

  function clear() {
    first.clear();
    second.clear();
  }

  const form = <SettingsForm settings={settings} onChange={setSettings} />;
  return (
    <div className="playground">
      <PageHead title={text(playground.title)}>
        <Switch label={t("compare")} checked={compares} onChange={(e) => setCompares(e.currentTarget.checked)} disabled={isBusy} />
        <Button variant="default" size="sm" leftSection={<IconCode size={18} aria-hidden />} onClick={code.open}>{t("code")}</Button>
        <Button variant="default" size="sm" leftSection={<IconPlus size={18} aria-hidden />} onClick={clear}>{t("clear")}</Button>
        {!isWide && <ActionIcon variant="default" size={36} onClick={drawer.open} aria-label={t("settings")}><IconAdjustments size={18} aria-hidden /></ActionIcon>}
      </PageHead>
      <div className="talk">
        <Paper withBorder className="talk-main">
          <div className="columns">
            <Column conversation={first} label={t("model")} models={models} model={left} onModel={setLeft} settings={settings} />
            {compares && <Column conversation={second} label={t("modelBeside")} models={models} model={right} onModel={setRight} settings={settings} />}
          </div>
          <Group gap="xs" align="flex-end" wrap="nowrap" className="composer">
            <Textarea flex={1} aria-label={t("ask")} placeholder={t("askHint")} autosize minRows={1} maxRows={8} value={draft} onChange={(e) => setDraft(e.currentTarget.value)} onKeyDown={onKey} />
            {isBusy ? (
              <Button color="red" variant="light" leftSection={<IconPlayerStopFilled size={16} aria-hidden />} onClick={() => { first.stop(); second.stop(); }}>{t("stop")}</Button>
            ) : (
              <Button leftSection={<IconSend2 size={16} aria-hidden />} onClick={send} disabled={!draft.trim()}>{t("send")}</Button>
            )}
          </Group>
        </Paper>
        {isWide && <Paper withBorder p="md" className="talk-side" component="section" aria-label={t("settings")}>{form}</Paper>}
      </div>
      <Drawer opened={showsSettings} onClose={drawer.close} title={t("settings")} position="right" closeButtonProps={{ "aria-label": t("close") }}>{form}</Drawer>
      <Modal opened={showsCode} onClose={code.close} title={t("code")} size="lg" closeButtonProps={{ "aria-label": t("close") }}>
        <CodeTabs request={requestOf(left, [...first.turns(), ...(draft.trim() ? [{ role: "user" as const, content: draft.trim() }] : [])], settings)} />
      </Modal>
    </div>
  );
}

function CodeTabs({ request }: { request: Record<string, unknown> }) {
  const t = useMessages(messages);
  const code = showCode(`${location.origin}/v1`, request);
  return (
    <Tabs defaultValue="curl">
      <Tabs.List mb="sm">
        <Tabs.Tab value="curl">curl</Tabs.Tab>
        <Tabs.Tab value="python">Python</Tabs.Tab>
        <Tabs.Tab value="node">Node.js</Tabs.Tab>
      </Tabs.List>
      {(["curl", "python", "node"] as const).map((name) => (
        <Tabs.Panel key={name} value={name}><CopyBlock text={code[name]} mah={420} /></Tabs.Panel>
      ))}
      <Text size="xs" c="dimmed" mt="sm">{t("codeKey")}</Text>
    </Tabs>
  );
}
