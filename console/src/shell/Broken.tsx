import { Stack } from "@mantine/core";
import { ErrorNotice } from "../components/ErrorNotice";

/** Stands in for a page that failed to draw, so that the rest of the console goes on. */
export function Broken({ error, reset }: { error: unknown; reset: () => void }) {
  return <Stack p="md"><ErrorNotice error={error} onRetry={reset} /></Stack>;
}
