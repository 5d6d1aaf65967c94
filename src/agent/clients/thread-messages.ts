// What the agent's main thread and its clients' thread say to each other: posted, then announced through the eventfd.
import type { ClientsConfig, ClientsReport } from './service.ts';

export interface ClientThreadStart {
  readonly clients: ClientsConfig;
  readonly wakeFd: number;
}

export type ToClientThread = { readonly type: 'report'; readonly id: number } | { readonly type: 'stop' };

export type FromClientThread =
  | { readonly type: 'ready' }
  | { readonly type: 'report'; readonly id: number; readonly report: ClientsReport };
