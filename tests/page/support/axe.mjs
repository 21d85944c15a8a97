import axe from "axe-core";

/** What axe finds wrong with a page, a line for each element. */
export async function faults(page) {
  // By the debugger, which the policy of the page does not bind.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id} (${rule.impact}): ${node.target.join(" ")}: ${node.failureSummary?.split("\n")[1]?.trim()}`));
}
