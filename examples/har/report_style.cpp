// SPDX-License-Identifier: BSD-3-Clause
#include "report_sections.hpp"

namespace har {

std::string_view report_style() {
    return R"(:root { color-scheme: light dark; --page: #fff; --ink: #1c2126; --soft: #5a646e; --line: #d8dde2; --panel: #f5f7f9;
  --heat: #0b5394; --on: #fff; --bad: #c0261c; --best: #e3f0fb;
  --c0: #006aee; --c1: #e06000; --c2: #10693d; --c3: #5d0050; --c4: #9b8a46; --c5: #1a79b0; --c6: #878b8d; --c7: #681f00; }
@media screen and (prefers-color-scheme: dark) { :root { --page: #14181c; --ink: #e4e8ec; --soft: #9aa5b0; --line: #333b43;
  --panel: #1c2228; --heat: #7cc4ff; --on: #10151a; --bad: #ff8a7a; --best: #1d3a52;
  --c0: #318ff5; --c1: #ffbc59; --c2: #55f3b4; --c3: #c06096; --c4: #868343; --c5: #6eb8db; --c6: #e9ecf3; --c7: #fd987f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1.25rem 4rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 3rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; overflow-wrap: anywhere; }
p { margin: .5rem 0; max-width: 46rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .75rem 1.5rem; margin: 0 0 1rem;
  padding: 1rem; background: var(--panel); border-radius: .5rem; }
.wide { grid-column: 1 / -1; }
dt { color: var(--soft); font-size: .8rem; }
dd { margin: 0; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; font-size: .9rem; }
a { color: var(--heat); }
ul { padding-left: 1.2rem; margin: .5rem 0; }
li { margin: .3rem 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; margin: .5rem 0; }
caption { text-align: left; color: var(--soft); padding: .25rem 0; caption-side: top; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap;
  unicode-bidi: isolate; }
thead th { color: var(--soft); font-weight: 600; vertical-align: bottom; white-space: normal; }
th:first-child { text-align: left; padding-left: 0; }
tbody th { font-weight: 400; white-space: normal; overflow-wrap: anywhere; min-width: 7rem; max-width: 22rem; }
td strong { background: var(--best); border-radius: .25rem; padding: .1rem .35rem; margin-right: -.35rem; }
.word { white-space: nowrap; }
.note { color: var(--soft); font-size: .875rem; }
figure { margin: .5rem 0 1rem; }
figcaption { color: var(--soft); font-size: .875rem; max-width: 46rem; overflow-wrap: anywhere; }
.panels { display: flex; flex-wrap: wrap; gap: 1rem 1.75rem; align-items: flex-start; }
.panels figure { max-width: 100%; }
.panels > div { max-width: 100%; } .panels > figure > figcaption { max-width: 17rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; padding: 0; font-size: .875rem; }
.legend li { margin: 0; }
.legend svg { vertical-align: -2px; margin-right: .4rem; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--heat); font-size: .875rem; }
svg { display: block; font-size: 12px; }
.legend svg { display: inline-block; }
.scroll > svg { max-width: 100%; height: auto; }
text { fill: var(--ink); unicode-bidi: isolate; }
.soft { fill: var(--soft); }
.mid { text-anchor: middle; }
.end { text-anchor: end; }
.b { font-weight: 600; }
.small { font-size: 10px; }
.on { fill: var(--on); }
.grid { stroke: var(--line); }
.ink { stroke: var(--ink); }
.thick { stroke: var(--ink); stroke-width: 2.5; }
.dash { stroke: var(--soft); stroke-dasharray: 4 3; }
.thin { stroke-opacity: .4; stroke-width: 1.2; }
.half { fill-opacity: .55; }
.gap { stroke: var(--page); }
.heat { fill: var(--heat); }
.panel { fill: var(--panel); }
.paper { fill: var(--page); }
.bad { fill: var(--bad); }
.sure { color: var(--soft); stroke-width: 1.2; }
.k1 { fill: url(#h1); } .k2 { fill: url(#h2); } .k3 { fill: url(#h3); }
.hatch { stroke: var(--page); stroke-width: 2; fill: none; }
.f { fill: currentColor; }
.o { fill: currentColor; stroke: var(--page); }
.l { fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linejoin: round; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
.c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); } .c7 { color: var(--c7); }
@media print { body { max-width: none; padding: 0; font-size: 11pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  nav { display: none; } .scroll { overflow: visible; } .scroll > svg { min-width: 0 !important; }
  figure, tr, li, h3 { break-inside: avoid; } h2, h3, caption { break-after: avoid; } h2 { margin-top: 1.5rem; }
  details:not([open]) { display: none; } }
)";
}

std::string report_hatches() {
    return "<svg width=\"0\" height=\"0\" style=\"position:absolute\" aria-hidden=\"true\"><defs>\n"
           "<pattern id=\"h1\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><path class=\"hatch\" "
           "d=\"M-1 7L7 -1M-1 1L1 -1M5 7L7 5\"/></pattern>\n"
           "<pattern id=\"h2\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><path class=\"hatch\" "
           "d=\"M3 0V6\"/></pattern>\n"
           "<pattern id=\"h3\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><path class=\"hatch\" "
           "d=\"M0 3H6\"/></pattern>\n</defs></svg>\n";
}

} // namespace har
