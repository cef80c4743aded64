/** What the page uses of xterm.js. */

export interface Disposable {
  dispose(): void;
}

export class Terminal {
  constructor(options: Record<string, unknown>);
  readonly rows: number;
  readonly cols: number;
  readonly element: HTMLElement | undefined;
  options: Record<string, unknown>;
  open(parent: HTMLElement): void;
  write(data: string | Uint8Array, done?: () => void): void;
  resize(columns: number, rows: number): void;
  focus(): void;
  dispose(): void;
  onData(hear: (data: string) => void): Disposable;
  attachCustomKeyEventHandler(hear: (event: KeyboardEvent) => boolean): void;
}
