// The field of the page of words: `dmvpn explain` for readers without a terminal. WORDS comes from words.js:
// [page, anchor, place, word, meaning, next step] for each word.
"use strict";
(() => {
  const MOST = 40;
  const place = document.getElementById("explain");
  const field = document.createElement("input");
  field.type = "search";
  field.placeholder = "a flag, state, code, message or label, as IKE, T1, NHRP-3-PAKREPLY";
  field.setAttribute("aria-label", "Find a word");
  const list = document.createElement("dl");
  const count = document.createElement("p");
  place.append(field, count, list);

  const rank = (word, asked, whole) => {
    const small = word[3].toLowerCase();
    if (word[3] === asked) return 0;
    if (small === whole) return 1;
    if (small.startsWith(whole)) return 2;
    return small.includes(whole) ? 3 : 4;
  };

  const element = (name, text, parent) => {
    const made = document.createElement(name);
    made.textContent = text;
    parent.append(made);
    return made;
  };

  const show = () => {
    const asked = field.value.trim();
    const whole = asked.toLowerCase();
    const parts = whole.split(/\s+/);
    const found = whole
      ? WORDS.filter((word) => {
          const all = word.slice(2).join(" ").toLowerCase();
          return parts.every((part) => all.includes(part));
        })
      : [];
    found.sort((a, b) => rank(a, asked, whole) - rank(b, asked, whole));
    list.replaceChildren();
    count.textContent = whole ? `${found.length} found${found.length > MOST ? `, the first ${MOST}:` : ""}` : "";
    for (const [page, anchor, where, word, meaning, next] of found.slice(0, MOST)) {
      const title = document.createElement("dt");
      const link = element("a", word, title);
      link.href = `words/${page}.html#${anchor}`;
      element("span", ` ${where}`, title);
      list.append(title);
      element("dd", next ? `${meaning} Next: ${next}` : meaning, list);
    }
  };

  field.addEventListener("input", show);
  field.value = new URLSearchParams(location.search).get("word") || "";
  show();
})();
