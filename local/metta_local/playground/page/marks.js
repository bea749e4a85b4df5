/**
 * Where findings stand in a text. Places are code points, as the guardrails count them, while a string of the browser
 * counts UTF-16 units: an emoji before a finding would move its mark by one.
 */

/**
 * UTF-16 offsets of some code points of a text.
 * @param {string} text
 * @param {number[]} points ascending
 * @returns {Map<number, number>} those behind the end stand at the end
 */
export function offsets(text, points) {
  const found = new Map();
  let unit = 0;
  let point = 0;
  for (const wanted of points) {
    while (point < wanted && unit < text.length) {
      unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
      point += 1;
    }
    found.set(wanted, unit);
  }
  return found;
}

/**
 * A text cut where a finding begins or ends.
 * @param {string} text
 * @param {{start: number, end: number}[]} findings
 * @returns {{text: string, covering: number[]}[]} covering: indexes of the findings, the outermost first
 */
export function segments(text, findings) {
  const placed = findings
    .map((finding, index) => ({ start: Math.max(0, finding.start), end: finding.end, index }))
    .filter(({ start, end }) => Number.isInteger(start) && Number.isInteger(end) && start < end);
  placed.sort((one, other) => one.start - other.start || other.end - one.end || one.index - other.index);
  const points = [...new Set(placed.flatMap(({ start, end }) => [start, end]))].sort((one, other) => one - other);
  const at = offsets(text, points);
  const cuts = [...new Set([0, ...points.map((point) => at.get(point)), text.length])];
  const parts = [];
  for (let index = 0; index + 1 < cuts.length; index += 1) {
    const [from, to] = [cuts[index], cuts[index + 1]];
    const covering = placed.filter(({ start, end }) => at.get(start) <= from && at.get(end) >= to);
    parts.push({ text: text.slice(from, to), covering: covering.map((finding) => finding.index) });
  }
  return parts;
}

/**
 * Segments as a tree of marks: a finding inside another is nested, one that overlaps goes on in a second mark.
 * @param {{text: string, covering: number[]}[]} parts
 * @returns {(string|{finding: number, goesOn: boolean, inside: Array})[]} goesOn: a later mark of the same finding follows
 */
export function nested(parts) {
  const root = [];
  const latest = new Map();
  let stack = [];
  for (const { text, covering } of parts) {
    let common = 0;
    while (common < stack.length && stack[common].finding === covering[common]) common += 1;
    stack = stack.slice(0, common);
    for (const finding of covering.slice(common)) {
      const mark = { finding, goesOn: false, inside: [] };
      if (latest.has(finding)) latest.get(finding).goesOn = true;
      latest.set(finding, mark);
      (stack.at(-1)?.inside ?? root).push(mark);
      stack.push(mark);
    }
    (stack.at(-1)?.inside ?? root).push(text);
  }
  return root;
}

/**
 * Leave out what is far from any finding, so that a very long text stays readable.
 * @param {{text: string, covering: number[]}[]} parts
 * @param {number} around how many characters to keep on either side of a finding
 * @returns {{text: string, covering: number[], left?: number}[]} left: characters that a part stands for
 */
export function excerpt(parts, around = 400) {
  return parts.flatMap((part, index) => {
    const first = index === 0;
    const last = index === parts.length - 1;
    const head = first && !last ? (part.covering.length ? around : 0) : around;
    const tail = last && !first ? (part.covering.length ? around : 0) : around;
    const only = first && last;
    const [before, behind] = only ? [around * 2, 0] : [head, tail];
    if (part.text.length <= before + behind + 80) return [part];
    const from = boundary(part.text, before);
    const to = boundary(part.text, part.text.length - behind);
    return [
      { text: part.text.slice(0, from), covering: part.covering },
      { text: "", covering: part.covering, left: to - from },
      { text: part.text.slice(to), covering: part.covering },
    ].filter((piece) => piece.left || piece.text);
  });
}

/** An offset that does not cut a surrogate pair in two. */
export function boundary(text, offset) {
  const low = text.charCodeAt(offset);
  return low >= 0xdc00 && low <= 0xdfff ? offset - 1 : offset;
}
