// Scripts of the documentation site without a page: node site.mjs < {scripts, expression, values}. The value of the
// expression for each of the values, which is `given` in it.
import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";

const { scripts, expression, values } = JSON.parse(readFileSync(0, "utf8"));
const context = createContext({});
for (const script of scripts) runInContext(script, context);
const found = values.map((given) => {
  context.given = given;
  return runInContext(expression, context);
});
console.log(JSON.stringify(found));
