/**
 * What stands behind `?` in a link. Pages are listed at run time, so the router cannot know by type what
 * each of them reads there.
 */
export const searchOf = (search: Readonly<Record<string, string>> | undefined): never => search as never;
