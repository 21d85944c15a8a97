// What live updates tell.

import type { Schema } from "../api/client";

/** A stream as it is told: whole, because rows are laid over each other. */
export type StreamRow = Required<Schema<"LiveStream">>;
export type SessionRow = Required<Schema<"LiveSession">>;
export type PoolRow = Required<Schema<"LivePool">>;
export type ServerRow = Required<Schema<"LiveServer">>;
export type Condition = Schema<"LiveCondition">;

/** Part of a row: its id, and what has changed. */
export type Patch<Row extends { id: string }> = Partial<Row> & { id: string };

export interface LiveDocument {
  type: "snapshot" | "delta";
  id: string;
  at: string;
  streams?: Patch<StreamRow>[];
  streams_removed?: string[];
  sessions?: Patch<SessionRow>[];
  sessions_removed?: string[];
  pool?: Partial<PoolRow>;
  server?: Partial<ServerRow>;
}
