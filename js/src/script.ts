/** A scripted run for the harness: every kind of event once, the text in small pieces. */

import type { Event } from "./protocol.gen.js";

const ANSWER = `## Reading a growing answer

A view draws **settled blocks once** and only the *tail* again, so a long answer costs no more per token than a short one. See [the specification](https://spec.commonmark.org/0.31.2/) for what a block is.

1. A paragraph ends at a blank line.
2. A list goes on until something else begins:
   - nested items count,
   - so does \`code\` in them.
3. A fence ends at its closing line.

| part | drawn | cost |
|:-----|:-----:|-----:|
| settled | once | 0 ms |
| tail | each frame | 0.3 ms |

\`\`\`python
from streamcell import stream

for chunk in stream("Explain DNA", "demo"):
    print(chunk.content, end="")
\`\`\`

> Remote images wait for the reader: ![a diagram](https://images.example.org/diagram.png)

Raw HTML such as <b onclick="x()">this</b> is shown as text.
`;

const THINKING =
  "The reader wants to know how drawing stays cheap. I will look up the cost of one frame first.\n";

function pieces(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, n) =>
    text.slice(n * size, (n + 1) * size),
  );
}

export function script(): Event[] {
  const call = '{"renderer": "markdown", "tokens": 32000}';
  return [
    { type: "started", provider: "demo", model: "markdown", scripted: true },
    ...pieces(THINKING, 6).map((text): Event => ({ type: "reasoning", text })),
    { type: "tool_call_delta", part: 1, id: "call_1", name: "frame_cost" },
    ...pieces(call, 5).map((piece): Event => ({ type: "tool_call_delta", part: 1, arguments: piece })),
    {
      type: "tool_call",
      part: 1,
      id: "call_1",
      name: "frame_cost",
      arguments: { renderer: "markdown", tokens: 32000 },
    },
    {
      type: "tool_result",
      id: "call_1",
      name: "frame_cost",
      content: '{"milliseconds": 0.31}',
      seconds: 0.24,
    },
    { type: "started", provider: "demo", model: "markdown", scripted: true },
    ...pieces(ANSWER, 4).map((text): Event => ({ type: "text", text })),
    {
      type: "citation",
      url: "https://spec.commonmark.org/0.31.2/",
      title: "CommonMark 0.31.2",
      quote: "Blocks can be settled line by line.",
    },
    { type: "finished", reason: "stop" },
  ];
}

const STARTED: Event = { type: "started", provider: "demo", model: "tools", scripted: true };

function said(text: string): Event[] {
  return pieces(text, 4).map((piece): Event => ({ type: "text", text: piece }));
}

/** An agent's run of three turns: a tool that asks, and one that fails. */
export function agent(): Event[] {
  const remove = { id: "call_1", name: "remove_files" };
  const fetch = { id: "call_2", name: "read_sensor" };
  return [
    STARTED,
    ...said("I will clear the **scratch folder** first.\n"),
    {
      type: "tool_call",
      part: 1,
      ...remove,
      arguments: { folder: "/tmp/scratch", pattern: "*.parquet", older_than_days: 30 },
    },
    { type: "approval_request", ...remove, digest: "5f1c" },
    {
      type: "tool_result",
      ...remove,
      content: '{"removed": 14}',
      seconds: 1.32,
      printed: "looking in /tmp/scratch\n14 files, 2.1 GB",
    },
    STARTED,
    ...said("Fourteen files are gone. Now the sensor.\n"),
    { type: "tool_call", part: 1, ...fetch, arguments: { sensor: "T-4" } },
    {
      type: "tool_result",
      ...fetch,
      content: "TimeoutError: the sensor did not answer within 5 s",
      error: true,
      seconds: 5.01,
    },
    STARTED,
    ...said("The folder is clear; the sensor `T-4` does not answer.\n"),
    { type: "finished", reason: "stop" },
  ];
}

const PLANETS = [
  ["Mercury", 0.33, 88, []],
  ["Venus", 4.87, 224.7, []],
  ["Earth", 5.97, 365.2, ["Moon"]],
  ["Mars", 0.642, 687, ["Phobos", "Deimos"]],
  ["Ceres", 0.00094, 1682, []],
  ["Jupiter", 1898, 4331, ["Io", "Europa", "Ganymede", "Callisto"]],
  ["Saturn", 568, 10747, ["Titan", "Rhea", "Iapetus"]],
  ["Uranus", 86.8, 30589, ["Titania", "Oberon"]],
  ["Neptune", 102, 59800, ["Triton"]],
  ["Pluto", 0.0131, 90560, ["Charon"]],
  ["Haumea", 0.004, 103410, ["Hiʻiaka"]],
  ["Eris", 0.0166, 203830, ["Dysnomia"]],
] as const;

/** A table of twelve rows. */
export function table(): Event[] {
  const note =
    "A dwarf planet: it orbits the Sun and is round, but has not cleared its orbit of other bodies.";
  const items = PLANETS.map(([name, mass, days, moons]) => {
    return { name, mass, days, moons, ...(mass < 0.1 ? { remark: note } : {}) };
  });
  return [STARTED, ...said(JSON.stringify({ items })), { type: "finished", reason: "stop" }];
}

/** A program. */
export function code(): Event[] {
  const program = "def complement(strand: str) -> str:\n    return strand.translate(PAIRS)\n";
  return [
    STARTED,
    ...said(`PAIRS = str.maketrans("ATCG", "TAGC")\n\n\n${program}`),
    { type: "finished", reason: "stop" },
  ];
}
