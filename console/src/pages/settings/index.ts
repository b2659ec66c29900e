import { IconSettings } from "@tabler/icons-react";
import { lazy } from "react";
import type { Page } from "../page";

export const settings: Page = {
  path: "/settings",
  needs: "settings",
  icon: IconSettings,
  title: ["Settings", "设置"],
  Component: lazy(() => import("./Settings")),
};
