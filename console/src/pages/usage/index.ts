import { IconChartBar } from "@tabler/icons-react";
import { lazy } from "react";
import type { Page } from "../page";

export const usage: Page = {
  path: "/usage",
  needs: "usage",
  icon: IconChartBar,
  title: ["Usage and costs", "用量与费用"],
  Component: lazy(() => import("./Usage")),
};
