// Searches the documentation: which pages answer a question, the best first, and an excerpt of each. Nothing here
// touches the page: that is for search-page.js. The pages are in SEARCHED, from the scripts search-guides.js and
// search-reference.js: [address, kind, title, [[anchor, heading, text], ...]]. The words of `dmvpn explain` are in WORDS,
// from words.js: [page, anchor, place, word, meaning, next step].
"use strict";
const documentation = (() => {
  const MOST_CHARACTERS = 100;
  const MOST_WORDS = 8;
  const EXCERPT = 220;
  // What a page of each kind counts. Titles of indexes have all words, and answer nothing.
  const KINDS = { "how-to": 1.3, tutorial: 1.2, explanation: 0.9, reference: 0.7, words: 0.6, index: 0.3 };
  const TITLE = 10;
  const NAME = 6;
  const HEADING = 4;
  const WHOLE = 8;
  const SKIPPED = new Set("a an and are can do does for from how i in is it my of on or the to what why with".split(" "));

  const letters = (text) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

  // The beginning that a word shares with its relatives: authentication and authenticate, policies and policy, hubs.
  const RELATIVE = /^(.{5,}?)(?:ations?|ating|ated|ates?|ions?|ings?|ed|ies|y)$|^(.{2,}[^s])s$/;
  const stem = (word) => {
    const [, long, plural] = RELATIVE.exec(word) ?? [];
    return long ?? plural ?? word;
  };

  // A short word or a number is looked for as it is: T1 is not T100.
  const pattern = (word) => `${word}${word.length < 3 || /^\p{N}+$/u.test(word) ? "(?![\\p{L}\\p{N}])" : ""}`;
  const regular = (source) => new RegExp(`(?<![\\p{L}\\p{N}])(?:${source})`, "giu");
  const found = (text, looked) => text.match(looked)?.length ?? 0;

  // What is looked for: a regular expression for each word, for any word, and for all of them in a row.
  const asked = (question) => {
    const whole = question.slice(0, MOST_CHARACTERS).trim().toLowerCase();
    const all = [...new Set(letters(whole))];
    const words = all.filter((word) => !SKIPPED.has(word));
    const stems = (words.length ? words : all).slice(0, MOST_WORDS).map(stem);
    if (!stems.length) return null;
    return {
      words: stems.map((word) => regular(pattern(word))),
      any: regular(stems.map(pattern).join("|")),
      row: regular(stems.map(pattern).join("[\\p{L}\\p{N}]*[^\\p{L}\\p{N}]+")),
      whole,
    };
  };

  // The words of `dmvpn explain` as pages: a section for each word.
  const explained = (words) => {
    const pages = new Map();
    for (const [page, anchor, place, word, meaning, next] of words) {
      const title = `Words: ${page}`;
      if (!pages.has(page)) pages.set(page, [`reference/words/${page}.html`, "words", title, [["", title, ""]]]);
      pages.get(page)[3].push([anchor, `${word}: ${place}`, next ? `${meaning} Next: ${next}` : meaning]);
    }
    return [...pages.values()];
  };

  // How often each word is in a page, and where. null: no word is.
  const counted = (page, question) => {
    const [address, , title, sections] = page;
    const name = address.replace(/\.html$/, "").replace(/^.*\//, "");
    const within = sections.map(([, heading, text]) => {
      const headings = question.words.map((word) => found(heading, word));
      const counts = question.words.map((word, place) => headings[place] + found(text, word));
      return { headings, counts };
    });
    const words = question.words.map((word, place) => ({
      inTitle: found(title, word) > 0,
      inName: found(name, word) > 0,
      inHeading: within.some((section, number) => number > 0 && section.headings[place] > 0),
      count: within.reduce((sum, section) => sum + section.counts[place], 0),
    }));
    const known = words.filter((word) => word.inTitle || word.inName || word.count > 0).length;
    return known ? { page, words, within, known } : null;
  };

  const scored = (counts, question) => {
    const [, kind, title, sections] = counts.page;
    let sum = 0;
    counts.words.forEach(({ inTitle, inName, inHeading, count }, place) => {
      const where = Math.max(inTitle * TITLE, inName * NAME) + inHeading * HEADING;
      sum += question.rarity[place] * (where + (3 * count) / (count + 3));
    });
    const entitled = counts.words.filter((word) => word.inTitle).length;
    if (entitled) sum += (WHOLE * entitled) / letters(title).length;
    if (entitled === counts.words.length || counts.words.every((word) => word.inName)) sum += WHOLE;
    if (sections.some(([, heading]) => begins(heading, question.whole))) sum += WHOLE;
    if (sections.some(([, , text]) => found(text, question.row))) sum += HEADING;
    return sum * KINDS[kind];
  };

  const begins = (heading, whole) => `${heading.toLowerCase()}:`.startsWith(`${whole}:`);

  // The section that answers best, and two more whose headings say that they answer.
  const chosen = ({ page, within }, question) => {
    const [address, , , sections] = page;
    const worth = within.map(({ headings, counts }, number) => {
      const [, heading, text] = sections[number];
      const covered = counts.filter((count) => count > 0).length;
      const said = number > 0 ? headings.filter((count) => count > 0).length : 0;
      const many = counts.reduce((sum, count) => sum + Math.min(count, 5), 0);
      const row = found(`${heading} ${text}`, question.row) > 0;
      return { number, said, worth: covered * 20 + said * 8 + many + row * 15 + begins(heading, question.whole) * 40 };
    });
    worth.sort((one, other) => other.worth - one.worth || one.number - other.number);
    const link = (number) => {
      const [anchor, heading] = sections[number];
      return { address: number ? `${address}#${anchor}` : address, heading: number ? marked(heading, question) : [] };
    };
    const [best, ...rest] = worth;
    const more = rest.filter(({ said, number }) => said && number).slice(0, 2);
    return {
      ...link(best.number),
      excerpt: excerpt(sections[best.number][2], question),
      more: more.map(({ number }) => link(number)),
    };
  };

  // The part of a text with most of the words, rare ones above all: [text, whether it was asked for] in turn.
  const excerpt = (text, question) => {
    const places = [...take(text.matchAll(question.any), 200)].map((match) => ({
      at: match.index,
      word: question.words.findIndex((word) => match[0].search(word) === 0),
    }));
    let begin = 0;
    let most = 0;
    places.forEach(({ at }, place) => {
      const inside = places.slice(place).filter((other) => other.at < at + EXCERPT - 60);
      const worth = [...new Set(inside.map((other) => other.word))].reduce((sum, word) => sum + question.rarity[word], 0);
      if (worth > most) [most, begin] = [worth, at];
    });
    begin = begin > 60 ? text.indexOf(" ", begin - 60) + 1 : 0;
    const end = begin + EXCERPT < text.length ? text.lastIndexOf(" ", begin + EXCERPT) : text.length;
    return marked(`${begin ? "... " : ""}${text.slice(begin, end)}${end < text.length ? " ..." : ""}`, question);
  };

  const marked = (text, question) => {
    const parts = [];
    let position = 0;
    for (const match of text.matchAll(question.any)) {
      const [word] = text.slice(match.index).match(/^[\p{L}\p{N}]+/u);
      parts.push([text.slice(position, match.index), false], [word, true]);
      position = match.index + word.length;
    }
    return [...parts, [text.slice(position), false]].filter(([part]) => part);
  };

  function* take(things, most) {
    for (const thing of things) {
      if (most-- === 0) return;
      yield thing;
    }
  }

  // The pages that have all words, or else most of them; the best first. most: how many get an excerpt.
  const find = (question, pages, most) => {
    const looked = asked(question);
    if (!looked) return { count: 0, whole: true, pages: [] };
    const counts = pages.map((page) => counted(page, looked)).filter((each) => each);
    const known = Math.max(0, ...counts.map((each) => each.known));
    looked.rarity = looked.words.map((_, place) => {
      const having = counts.filter(({ words }) => words[place].inTitle || words[place].count > 0).length;
      return Math.log(1 + pages.length / (1 + having));
    });
    const best = counts.filter((each) => each.known === known);
    const ranked = best.map((each) => ({ each, score: scored(each, looked) }));
    ranked.sort((one, other) => other.score - one.score);
    const answers = ranked.slice(0, most).map(({ each }) => {
      const [, kind, title] = each.page;
      return { kind, page: each.page[0], title: marked(title, looked), ...chosen(each, looked) };
    });
    return { count: best.length, whole: known === looked.words.length, pages: answers };
  };

  return { find, explained, MOST_CHARACTERS };
})();
