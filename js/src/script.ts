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
