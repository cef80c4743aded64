/** What the page uses of xterm.js. */

export interface Disposable {
  dispose(): void;
}

/** The characters that name a sequence. */
export interface Sequence {
  prefix?: string;
  intermediates?: string;
  final: string;
}

/** Handlers return true for what they have dealt with. */
export interface Parser {
  registerOscHandler(command: number, hear: (data: string) => boolean): Disposable;
  registerCsiHandler(sequence: Sequence, hear: () => boolean): Disposable;
  registerDcsHandler(sequence: Sequence, hear: () => boolean): Disposable;
}

export class Terminal {
  constructor(options: Record<string, unknown>);
  readonly rows: number;
  readonly cols: number;
  readonly element: HTMLElement | undefined;
  readonly parser: Parser;
  options: Record<string, unknown>;
  open(parent: HTMLElement): void;
  write(data: string | Uint8Array, done?: () => void): void;
  resize(columns: number, rows: number): void;
  focus(): void;
  dispose(): void;
  onData(hear: (data: string) => void): Disposable;
  attachCustomKeyEventHandler(hear: (event: KeyboardEvent) => boolean): void;
}
