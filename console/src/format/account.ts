/** An account of the ledger without its organisation and currency, which the rest of the line says. */
export const accountName = (account: string): string => account.split("/").slice(1, -1).join("/") || account;
