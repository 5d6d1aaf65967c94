// Errors for people. One class with a closed set of codes; the message is one sentence that says what is wrong,
// `hint` one that says what to do. The data path does not throw: it counts drops by reason (packet/drops.ts).

export type ErrorCode =
  | 'bad-config'
  | 'bad-input'
  | 'already-running'
  | 'not-running'
  | 'in-use'
  | 'no-privilege'
  | 'no-program'
  | 'unsupported'
  | 'failed';

export class SelvageError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SelvageError';
    this.code = code;
    this.hint = options.hint;
  }

  /** Wraps anything thrown; a SelvageError is returned as it is. */
  static from(thrown: unknown, code: ErrorCode = 'failed'): SelvageError {
    if (thrown instanceof SelvageError) return thrown;
    return new SelvageError(code, thrown instanceof Error ? thrown.message : String(thrown), {
      cause: thrown,
    });
  }

  /** What a command prints before it exits: the sentence and what to do. */
  override toString(): string {
    return this.hint === undefined ? this.message : `${this.message}\n  ${this.hint}`;
  }
}
