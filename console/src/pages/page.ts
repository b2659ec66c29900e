import type { Icon } from "@tabler/icons-react";
import type { ComponentType } from "react";
import type { Text } from "../i18n/messages";
import type { Needs } from "../shell/session";

/** What the shell knows of a page before it is loaded. */
export type Page = {
  /** Below `/console`. */
  path: `/${string}`;
  /** What a reader must be allowed to do for it to be shown. */
  needs: Needs;
  icon: Icon;
  title: Text;
  /** Made with `lazy`, so that a page is loaded when it is first opened. */
  Component: ComponentType;
  /** Whether it is about the reader and stands in their menu, not in the navigation. */
  isPersonal?: boolean;
};
