// What the agent's main thread and an algorithm's thread say to each other; flows and reports go by channels.

import type { ChannelStart } from '../../congestion/plane/channel.ts';

export type ToAlgorithmThread =
  | { readonly type: 'attach'; readonly channel: ChannelStart }
  | { readonly type: 'detach'; readonly id: number };

export type FromAlgorithmThread =
  | { readonly type: 'ready' }
  | { readonly type: 'refused'; readonly message: string; readonly hint?: string | undefined }
  /** It threw, and no longer controls some flows. */
  | { readonly type: 'trouble'; readonly message: string; readonly flows: number };
