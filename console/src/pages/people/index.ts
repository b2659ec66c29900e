import { IconUsers } from "@tabler/icons-react";
import { lazy } from "react";
import type { Page } from "../page";

export const people: Page = {
  path: "/people",
  needs: "people",
  icon: IconUsers,
  title: ["People and projects", "人员与项目"],
  Component: lazy(() => import("./People")),
};
