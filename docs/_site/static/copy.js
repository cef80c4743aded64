// A button at each block of code copies it: of a session only what is typed, without prompts and output.
"use strict";
const copying = (() => {
  const SHELL = "$ ";
  const MORE = /^>( |$)/;
  const ROUTER = /^[A-Za-z][\w.-]*(?:\([\w-]+\))?[#>](?! )(.+)/;

  // What is typed in a block: the commands of a shell with their further lines, else those at a router's prompt, else
  // the whole block.
  const typed = (text) => {
    const lines = text.replace(/\n+$/, "").split("\n");
    if (!lines.some((line) => line.startsWith(SHELL))) {
      const entered = lines.map((line) => ROUTER.exec(line)?.[1]).filter((line) => line);
      return entered.length ? entered.join("\n") : lines.join("\n");
    }
    const kept = [];
    let inside = false;
    for (const line of lines) {
      const more = inside && MORE.test(line);
      inside = more || line.startsWith(SHELL);
      if (inside) kept.push(line.slice(2));
    }
    return kept.join("\n");
  };

  const write = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Pages over HTTP from another machine have no clipboard of their own.
    const area = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("not copied");
  };

  const add = (block) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "copy" });
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await write(typed(block.querySelector("pre").textContent));
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not copied";
      }
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    block.append(button);
  };

  return { typed, add };
})();

if (globalThis.document) document.querySelectorAll("div.highlight").forEach(copying.add);
