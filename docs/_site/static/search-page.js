// The page of the search: the field, and the answers of search.js below it while one types.
"use strict";
(() => {
  const MOST = 20;
  const form = document.getElementById("search");
  const status = document.getElementById("found");
  const list = document.getElementById("answers");
  const { q: field, reference } = form.elements;
  const root = document.documentElement.dataset.content_root;
  const guides = [...SEARCHED];
  let whole = null;

  // A script may be loaded by a page that was read from a file; other requests are forbidden there.
  const script = (name) =>
    new Promise((done, failed) => {
      const made = Object.assign(document.createElement("script"), { src: `${root}_static/${name}` });
      made.onload = done;
      made.onerror = failed;
      document.head.append(made);
    });

  const everything = async () => {
    await Promise.all([script("search-reference.js"), script("words.js")]);
    return [...SEARCHED, ...documentation.explained(WORDS)];
  };

  const element = (name, parent, parts = [], properties = {}) => {
    const made = Object.assign(document.createElement(name), properties);
    for (const [text, asked] of parts) asked ? element("mark", made, [[text, false]]) : made.append(text);
    parent.append(made);
    return made;
  };

  const sentence = ({ count, whole: all }) => {
    if (!count) return "Nothing found.";
    const many = count === 1 ? "1 page" : `${count} pages`;
    const first = count > MOST ? `, the first ${MOST}:` : "";
    return all ? `${many} found${first}` : `No page has all of these words. ${many} with most of them${first}`;
  };

  const show = ({ title, kind, address, heading, excerpt, more }) => {
    const item = element("li", list);
    element("a", item, title, { href: root + address, className: "title" });
    element("span", item, [[kind, false]], { className: "kind" });
    if (heading.length) element("div", item, heading, { className: "heading" });
    element("p", item, excerpt);
    if (!more.length) return;
    const also = element("p", item, [["Also: ", false]], { className: "also" });
    more.forEach((other, number) => {
      if (number) also.append(" · ");
      element("a", also, other.heading, { href: root + other.address });
    });
  };

  const remember = (question) => {
    const address = new URL(location.href);
    address.search = String(new URLSearchParams({ q: question, ...(reference.checked && { reference: "1" }) }));
    try {
      history.replaceState(null, "", address);
    } catch {
      // A browser that reads files may forbid it.
    }
  };

  const asked = () => field.value.slice(0, documentation.MOST_CHARACTERS).trim();

  // A question of which no guide has all words is looked for in the reference, too.
  const search = async () => {
    const question = asked();
    remember(question);
    let answer = documentation.find(question, guides, MOST);
    let trouble = "";
    if (question && (reference.checked || !answer.whole)) {
      status.textContent = "Loading the reference ...";
      try {
        const other = documentation.find(question, await (whole ??= everything()), MOST);
        if (reference.checked || other.whole || !answer.count) answer = other;
      } catch {
        whole = null;
        trouble = "The reference cannot be loaded. ";
      }
      if (asked() !== question) return;
    }
    list.replaceChildren();
    status.textContent = question && trouble + sentence(answer);
    answer.pages.forEach(show);
  };

  const titles = () => [...list.querySelectorAll("a.title")];

  let waiting = 0;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 80);
  });
  reference.addEventListener("change", search);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await search();
    titles()[0]?.focus();
  });

  // The arrows go through the answers, Escape and / to the field.
  const keyed = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const now = document.activeElement;
    const all = titles();
    const place = all.indexOf(now);
    let next = null;
    if (event.key === "Escape" || (event.key === "/" && now.tagName !== "INPUT")) next = field;
    else if (event.key === "ArrowDown" && (place >= 0 || now === field)) next = all[place + 1];
    else if (event.key === "ArrowUp" && place >= 0) next = all[place - 1] ?? field;
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    next.focus();
  };
  document.addEventListener("keydown", keyed, true);

  const wanted = new URLSearchParams(location.search);
  field.value = (wanted.get("q") ?? "").slice(0, documentation.MOST_CHARACTERS);
  reference.checked = wanted.get("reference") === "1";
  field.focus();
  search();
})();
