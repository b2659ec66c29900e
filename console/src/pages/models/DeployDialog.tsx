import { NumberInput, PasswordInput, SegmentedControl, Select, SimpleGrid, Text, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { catalogQuery, deploymentsQuery, modelsQuery } from "../../api/queries";
import { FormDialog } from "../../components/FormDialog";
import { useMessages } from "../../i18n/language";
import { useSession } from "../../shell/session";
import { messages } from "./messages";

type Props = { model: string; onClose: () => void; onDeployed: () => void };

/** Offers an installed model or an upstream under a name. */
export function DeployDialog({ model: asked, onClose, onDeployed }: Props) {
  const t = useMessages(messages);
  const client = useQueryClient();
  const { projects } = useSession();
  const catalog = useQuery(catalogQuery);
  const installed = catalog.data?.filter((entry) => entry.installed) ?? [];
  const [source, setSource] = useState<"model" | "upstream">("model");
  const [model, setModel] = useState(asked || null);
  const [name, setName] = useState("");
  const [upstream, setUpstream] = useState({ base_url: "", api_key: "", model: "" });
  const [limits, setLimits] = useState<{ max_concurrency: number | ""; queue_limit: number | ""; context_length: number | "" }>({ max_concurrency: "", queue_limit: "", context_length: "" });
  const [project, setProject] = useState<string | null>(null);
  const isUpstream = source === "upstream";
  const ready = isUpstream ? name.trim() !== "" && upstream.base_url.trim() !== "" : model !== null;
  const number = (key: keyof typeof limits) => ({
    min: 1,
    allowDecimal: false,
    value: limits[key],
    onChange: (value: number | string) => setLimits({ ...limits, [key]: typeof value === "number" ? value : "" }),
  });
  const written = (key: keyof typeof upstream) => ({
    value: upstream[key],
    onChange: (e: { currentTarget: { value: string } }) => setUpstream({ ...upstream, [key]: e.currentTarget.value }),
  });

  async function deploy() {
    const { max_concurrency, queue_limit, context_length } = limits;
    await ask(
      api.POST("/v1/deployments", {
        body: {
          ...(name.trim() && { name: name.trim() }),
          ...(isUpstream
            ? { upstream: { base_url: upstream.base_url.trim(), ...(upstream.api_key && { api_key: upstream.api_key }), ...(upstream.model.trim() && { model: upstream.model.trim() }) } }
            : { model }),
          ...(max_concurrency !== "" && { max_concurrency }),
          ...(queue_limit !== "" && { queue_limit }),
          ...(context_length !== "" && !isUpstream && { context_length }),
          ...(project && { project_id: project }),
        },
      }),
    );
    await Promise.all([deploymentsQuery, modelsQuery].map(({ queryKey }) => client.invalidateQueries({ queryKey })));
    onDeployed();
  }

  return (
    <FormDialog opened onClose={onClose} title={t("deployTitle")} action={t("deploy")} ready={ready} onSubmit={deploy} size="lg">
      <SegmentedControl aria-label={t("source")} value={source} onChange={(value) => setSource(value as typeof source)} data={[{ value: "model", label: t("fromModel") }, { value: "upstream", label: t("fromUpstream") }]} />
      {isUpstream ? (
        <>
          <TextInput label={t("baseUrl")} description={t("baseUrlHint")} type="url" required placeholder="https://llm.example.com/v1" {...written("base_url")} />
          <PasswordInput label={t("upstreamKey")} autoComplete="off" {...written("api_key")} />
          <TextInput label={t("upstreamModel")} description={t("upstreamModelHint")} {...written("model")} />
        </>
      ) : (
        <>
          <Select label={t("deployModel")} required data={installed.map((entry) => ({ value: entry.id, label: entry.name }))} value={model} onChange={setModel} searchable />
          {catalog.data && installed.length === 0 && <Text size="sm" c="dimmed">{t("noneInstalled")}</Text>}
        </>
      )}
      <TextInput label={t("name")} description={t("nameHint")} required={isUpstream} placeholder={isUpstream ? "" : (model ?? "")} value={name} onChange={(e) => setName(e.currentTarget.value)} />
      <Select label={t("project")} description={t("projectHint")} placeholder={t("anyProject")} data={projects.map(({ id, name }) => ({ value: id, label: name }))} value={project} onChange={setProject} clearable />
      <SimpleGrid cols={{ base: 1, sm: isUpstream ? 2 : 3 }}>
        <NumberInput label={t("concurrency")} {...number("max_concurrency")} />
        <NumberInput label={t("queue")} {...number("queue_limit")} />
        {!isUpstream && <NumberInput label={t("contextLength")} {...number("context_length")} />}
      </SimpleGrid>
    </FormDialog>
  );
}
