import { IconKey } from "@tabler/icons-react";
import { lazy } from "react";
import type { Page } from "../page";

export const keys: Page = {
  path: "/keys",
  // Whoever may call has keys of their own, without a say in other people's.
  needs: ["people", "calls"],
  icon: IconKey,
  title: ["Keys", "密钥"],
  Component: lazy(() => import("./Keys")),
};
