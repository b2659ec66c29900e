import { account } from "./account";
import { billing } from "./billing";
import { calls } from "./calls";
import { home } from "./home";
import { keys } from "./keys";
import { models } from "./models";
import type { Page } from "./page";
import { people } from "./people";
import { playground } from "./playground";
import { settings } from "./settings";
import { usage } from "./usage";

export type { Page };

/** Every page, in the order of the navigation. */
export const pages: readonly Page[] = [home, playground, models, usage, calls, billing, keys, people, settings, account];
