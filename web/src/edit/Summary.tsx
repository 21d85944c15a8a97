// What a form could not be saved for, at its top: a list that leads to each field.

import { useEffect, useRef } from "preact/hooks";
import type { Problem } from "../api/client";
import { fieldId, Mistakes, place, sentence, type Mistake } from "./mistakes";

/** The mistakes that a problem tells. */
export function mistakesOf(problem: Problem | null): Mistakes {
  const errors = problem?.members["errors"];
  return new Mistakes(Array.isArray(errors) ? (errors as Mistake[]) : []);
}

export function Summary({ problem }: { problem: Problem | null }) {
  const box = useRef<HTMLDivElement>(null);
  // Who has sent the form is led to what became of it, by eye and by screen reader.
  useEffect(() => {
    if (problem) box.current?.focus();
  }, [problem]);
  if (!problem) return null;
  const mistakes = mistakesOf(problem).all;
  return (
    <div class="form-summary" role="alert" tabIndex={-1} ref={box}>
      <p class="form-summary-title">{problem.title}</p>
      {mistakes.length === 0 && problem.detail !== "" && <p>{problem.detail}</p>}
      {mistakes.length > 0 && (
        <ul>
          {mistakes.map((mistake) => (
            <li key={mistake.pointer + mistake.problem}>
              <a
                href={`#${fieldId(mistake.pointer)}`}
                onClick={(event) => {
                  event.preventDefault();
                  lead(mistake.pointer);
                }}
              >
                {place(mistake.pointer)}
              </a>
              : {sentence(mistake)}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Leads to the field of a place, or to the nearest around it. */
function lead(pointer: string): void {
  for (let at = pointer; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
    const element = document.getElementById(fieldId(at));
    if (!element) continue;
    // It may be in a part that is folded.
    for (let fold = element.closest("details"); fold; fold = fold.parentElement?.closest("details") ?? null) {
      fold.open = true;
    }
    element.scrollIntoView({ block: "center" });
    element.focus();
    return;
  }
}
