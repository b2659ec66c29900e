import { sendJson } from "./client";
import type { Passkey, Session } from "./session";

type Challenge<T> = { challenge_id: string; public_key: T };

/** Whether this browser can use passkeys at all. */
export const hasPasskeys = () =>
  typeof PublicKeyCredential !== "undefined" && "parseCreationOptionsFromJSON" in PublicKeyCredential;

/** Makes a passkey on this device and keeps it with the account. */
export async function addPasskey(name: string): Promise<Passkey> {
  const { challenge_id, public_key } = await sendJson<Challenge<PublicKeyCredentialCreationOptionsJSON>>(
    "POST",
    "/v1/console/passkeys/challenge",
    {},
  );
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(public_key);
  const credential = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  return sendJson("POST", "/v1/console/passkeys", { challenge_id, name, credential: credential.toJSON() });
}

/** Signs in with a passkey that this device has. */
export async function signInWithPasskey(): Promise<Session> {
  const { challenge_id, public_key } = await sendJson<Challenge<PublicKeyCredentialRequestOptionsJSON>>(
    "POST",
    "/v1/console/session/passkey/challenge",
    {},
  );
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(public_key);
  const credential = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  return sendJson("POST", "/v1/console/session/passkey", { challenge_id, credential: credential.toJSON() });
}

/** Whether an error says that the person closed the browser's own dialog. */
export const isDismissed = (error: unknown) => error instanceof DOMException && error.name === "NotAllowedError";
