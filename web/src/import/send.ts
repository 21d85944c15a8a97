// Sends a playlist, and tells how much of it has gone: `fetch` does not.

import { needsLogin, problemOf, unreachable, urlOf } from "../api/client";
import type { ImportBody, ImportReport } from "./input";

export interface Sent {
  /** How much has gone, 0 to 1. */
  share: number;
  /** All has; the server works. */
  sent: boolean;
}

export function sendImport(given: ImportBody, dryRun: boolean, tell: (sent: Sent) => void, signal: AbortSignal): Promise<ImportReport> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", urlOf("api/v1/streams/import", dryRun ? { dry_run: true } : {}));
    request.setRequestHeader("content-type", given.type);
    request.setRequestHeader("accept", "application/json");
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) tell({ share: event.loaded / event.total, sent: event.loaded === event.total });
    };
    request.upload.onload = () => tell({ share: 1, sent: true });
    request.onerror = () => reject(unreachable("the connection broke"));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        resolve(JSON.parse(request.responseText) as ImportReport);
        return;
      }
      if (request.status === 401) needsLogin.value = true;
      problemOf(new Response(request.responseText, { status: request.status })).then(reject, reject);
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(given.body);
  });
}
