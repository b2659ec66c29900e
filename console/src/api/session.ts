import { sendJson } from "./client";

/** A part of the platform whose reading and writing a role allows. */
export type Area = "models" | "usage" | "billing" | "people" | "audit" | "settings";

/** What somebody who is signed in may do. The server decides; the console shows. */
export type Access = Record<Area, "none" | "read" | "write"> & { calls: boolean };

/** A role in the organisation. */
export type Role = "owner" | "admin" | "developer" | "reader" | "billing" | "auditor" | "viewer";

/** Who is signed in, where, and what they may do. */
export type Session = {
  id: string;
  csrf_token: string;
  created_at: number;
  expires_at: number;
  user: { id: string; name: string; email: string; role: Role; has_totp: boolean; has_passkey: boolean };
  organization: { id: string; name: string; time_zone: string; default_project: string };
  projects: { id: string; name: string }[];
  access: Access;
};

/** What is known before anybody signs in. */
export type ConsoleInfo = {
  needs_setup: boolean;
  sign_in: { passkeys: boolean; oidc: { id: string; name: string }[] };
  version: string;
};

/** A browser that is signed in. */
export type SignedIn = {
  id: string;
  created_at: number;
  last_seen_at: number;
  expires_at: number;
  user_agent: string;
  is_this_one: boolean;
};

/** A passkey of the user. */
export type Passkey = { id: string; name: string; created_at: number; last_used_at: number | null };

/** An invitation into the organisation. */
export type Invite = {
  id: string;
  email: string;
  role: Role;
  status: "pending" | "accepted" | "expired";
  invited_at: number;
  expires_at: number;
  url?: string;
};

/** An invitation as the invited see it. */
export type OpenInvite = { email: string; organization_name: string; expires_at: number };

type List<T> = { data: T[] };

const path = "/v1/console";

/** The routes by which people sign in and look after their account. */
export const account = {
  info: () => sendJson<ConsoleInfo>("GET", path),
  session: () => sendJson<Session>("GET", `${path}/session`),
  setUp: (body: { admin_key: string; name: string; email: string; password: string }) =>
    sendJson<Session>("POST", `${path}/setup`, body),
  signIn: (body: { email: string; password: string; totp_code?: string }) =>
    sendJson<Session>("POST", `${path}/session`, body),
  signOut: () => sendJson<unknown>("DELETE", `${path}/session`),
  sessions: () => sendJson<List<SignedIn>>("GET", `${path}/sessions`),
  endSession: (id: string) => sendJson<unknown>("DELETE", `${path}/sessions/${encodeURIComponent(id)}`),
  setPassword: (body: { password: string; new_password: string }) => sendJson<unknown>("POST", `${path}/password`, body),
  beginTotp: (password: string) => sendJson<{ secret: string; url: string }>("POST", `${path}/totp`, { password }),
  confirmTotp: (code: string) => sendJson<{ recovery_codes: string[] }>("POST", `${path}/totp/confirm`, { code }),
  endTotp: (body: { password: string; code: string }) => sendJson<unknown>("DELETE", `${path}/totp`, body),
  passkeys: () => sendJson<List<Passkey>>("GET", `${path}/passkeys`),
  deletePasskey: (id: string) => sendJson<unknown>("DELETE", `${path}/passkeys/${encodeURIComponent(id)}`),
  invite: (token: string) => sendJson<OpenInvite>("GET", `${path}/invites/${encodeURIComponent(token)}`),
  acceptInvite: (token: string, body: { name: string; password: string }) =>
    sendJson<Session>("POST", `${path}/invites/${encodeURIComponent(token)}`, body),
};

/** The routes by which people are invited. */
export const invites = {
  list: () => sendJson<List<Invite>>("GET", "/v1/organization/invites"),
  create: (body: { email: string; role: Role; projects?: { id: string; role: string }[] }) =>
    sendJson<Invite>("POST", "/v1/organization/invites", body),
  delete: (id: string) => sendJson<unknown>("DELETE", `/v1/organization/invites/${encodeURIComponent(id)}`),
};
