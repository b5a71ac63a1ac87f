"""How the page of a classifier looks: in the light and in the dark, on a desk and on a phone."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --paper: #faf9f6; --ink: #1c1b19; --gray: #6b675f;
        --rule: #deded2; --accent: #1f4e79; --pale: #d5e0ea; --wrong: #b45f06; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #191816; --ink: #ece9e2; --gray: #a8a297; --rule: #3a3833;
          --accent: #8fbbe3; --pale: #2c4359; --wrong: #e69a45; }
}
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 60rem; margin: 0 auto; padding: 2.2rem 1.2rem 5rem; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; margin: 0 0 .4rem; }
h2 { font-size: 1.2rem; margin: 0 0 .4rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .2rem; }
p { margin: .4rem 0; }
a { color: inherit; text-decoration-color: var(--gray); text-underline-offset: 2px; }
.lead, .note, dt { color: var(--gray); }
.note { margin-bottom: 1rem; max-width: 46rem; }
section { border-top: 1px solid var(--rule); padding: 1.5rem 0 1.3rem; }
.tiles { display: flex; flex-wrap: wrap; gap: 1rem 2.8rem; margin: 1.6rem 0; }
.tiles div { display: flex; flex-direction: column; }
.tiles strong { font-size: 1.9rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tiles div:first-child strong { font-size: 3rem; line-height: 1.05; color: var(--accent); }
.tiles div { justify-content: flex-end; }
.tiles .what { font-weight: 600; }
.tiles .base { color: var(--gray); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem;
     margin: 0 0 1.6rem; }
dd { margin: 0; }
.wide, .chart { overflow-x: auto; margin: .8rem 0; }
.chart { background: #faf9f6; border-radius: 6px; padding: .7rem; }
.chart img { display: block; max-width: 100%; min-width: 42rem; height: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem;
        overflow-wrap: normal; }
th, td { text-align: right; padding: .28rem .8rem; border-bottom: 1px solid var(--rule);
         white-space: nowrap; font-weight: 400; }
tr:first-child th { color: var(--gray); }
th:first-child { text-align: left; padding-left: 0; }
.own th, .own td { font-weight: 650; }
.bar { position: relative; min-width: 8rem; }
.bar i { position: absolute; inset: .25rem auto .25rem 0; background: var(--pale);
         border-radius: 2px; }
.bar span { position: relative; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem .9rem; }
.row { color: var(--gray); font-size: .88rem; margin: .5rem 0 .3rem; }
figure { margin: 0; width: 12.6rem; font-size: .84rem; line-height: 1.35; }
figure img { display: block; width: 100%; height: 9.2rem; object-fit: contain;
             object-position: left bottom; border-radius: 2px; }
figcaption { padding-top: .4rem; }
figcaption > * { display: block; font-style: normal; }
figcaption b { font-weight: 600; }
figcaption span { color: var(--gray); }
.said { font-weight: 650; color: var(--accent); }
.wrong { font-weight: 650; color: var(--wrong); }
.right { color: var(--gray); }
ul { padding-left: 1.2rem; margin: .3rem 0; }
li { margin: .3rem 0; }
@media (max-width: 34rem) {
  body { padding: 1.3rem .9rem 3rem; }
  figure { width: calc(50% - .45rem); }
  figure img { height: auto; max-height: 11rem; }
  dl { grid-template-columns: 1fr; }
  dd { margin-bottom: .5rem; }
}
"""
