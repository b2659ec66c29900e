import { createTheme, type MantineColorsTuple } from "@mantine/core";

const lake: MantineColorsTuple = [
  "#e6f7fa", "#d3ebf0", "#a7d7e0", "#78c2d0", "#52b0c2", "#3aa5b9", "#2b9fb5", "#178196", "#0b7285", "#005f71",
];

/** How the console looks. The fonts are those that the reader's system has: nothing is fetched. */
export const theme = createTheme({
  primaryColor: "lake",
  primaryShade: { light: 8, dark: 7 },
  colors: { lake },
  defaultRadius: "md",
  cursorType: "pointer",
  fontFamily: "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Noto Sans Mono', monospace",
  headings: { fontWeight: "620", sizes: { h1: { fontSize: "1.5rem" }, h2: { fontSize: "1.125rem" }, h3: { fontSize: "1rem" } } },
  components: {
    // 44 px is the least that a finger hits; the console is used on phones too.
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray", size: "lg" } },
    // The colour of an alert is not dark enough for a title on its own light ground.
    Alert: { styles: { title: { color: "var(--mantine-color-text)" } } },
    Badge: { styles: { root: { textTransform: "none", fontWeight: 500, minWidth: "max-content" } } },
    Modal: { defaultProps: { centered: true } },
    Table: { defaultProps: { verticalSpacing: "sm", highlightOnHover: true } },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true } },
  },
});
