#pragma once

#include <string_view>

namespace kolosal::profile {

/// The style sheet of the page. Both palettes have a contrast of at least 4.5 for text.
inline constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark; --ground: #fbfbfa; --card: #ffffff; --ink: #1d2329; --soft: #5c6670; --line: #dfe3e6;
  --bar: #3f76c9; --tail: #a9bfe0; --target: #d9722b; --empty: #eef0f2; --problem: #b42318; --warning: #8f5600; --note: #5c6670;
  --c0: #3f76c9; --c1: #d9722b; --c2: #2f9e77; --c3: #a457b8; --c4: #c9a227; --c5: #4fb3cf; --c6: #c94f6d; --c7: #7a8794; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --card: #1c2126; --ink: #e6eaed; --soft: #9aa6b1; --line: #323a42;
  --bar: #6ea3f0; --tail: #3d5478; --target: #f0954f; --empty: #262c32; --problem: #ff8a7a; --warning: #f0b45a; --note: #9aa6b1;
  --c0: #6ea3f0; --c1: #f0954f; --c2: #4cc79b; --c3: #c98adb; --c4: #e0c050; --c5: #6fd0ea; --c6: #ea7a95; --c7: #98a5b1; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 19px; margin: 40px 0 12px; } h3 { font-size: 15px; margin: 0; overflow-wrap: anywhere; }
p { margin: 6px 0; } .soft { color: var(--soft); } .small { font-size: 13px; }
nav { margin: 10px 0 0; font-size: 14px; } nav a { color: var(--bar); margin-right: 16px; text-decoration: none; } nav a:hover { text-decoration: underline; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 12px; margin: 22px 0 0; }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
.tile b { display: block; font-size: 21px; font-weight: 600; line-height: 1.25; overflow-wrap: anywhere; } .tile span { color: var(--soft); font-size: 13px; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(330px, 1fr)); gap: 14px; }
.card header { display: flex; justify-content: space-between; gap: 10px; align-items: baseline; }
.card header h3 { flex: 0 0 auto; max-width: 75%; } .card .type { color: var(--soft); font-size: 13px; text-align: right; }
.card p { font-size: 13px; } .card h4 { font-size: 12px; font-weight: 600; color: var(--soft); margin: 12px 0 2px; }
svg.plot { display: block; width: 100%; height: auto; margin-top: 10px; } svg.wide { display: block; width: 100%; height: auto; }
svg text { font: 11px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--soft); } svg text.in { fill: var(--ink); font-size: 10.5px; }
.bar, .with { fill: var(--bar); } .tail { fill: var(--tail); } .target, .against { fill: var(--target); } .empty { fill: var(--empty); }
.line { fill: none; stroke: var(--target); stroke-width: 1.6; } .axis { stroke: var(--line); } .mean { stroke: var(--soft); stroke-dasharray: 3 4; stroke-width: 1; }
table { border-collapse: collapse; width: 100%; font-size: 13px; } td, th { padding: 2px 8px 2px 0; text-align: left; font-weight: 400; vertical-align: middle; }
.bars { table-layout: fixed; margin-top: 10px; } .bars th { width: 42%; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.bars .n { width: 76px; text-align: right; color: var(--soft); padding-right: 0; white-space: nowrap; } .bars svg { display: block; width: 100%; height: 9px; }
.pairs th { width: 33%; } .pairs .n { width: 56px; padding-right: 8px; } .pairs .n:last-child { padding-right: 0; }
.card h4.pair { display: flex; justify-content: space-between; } .card h4.pair span:first-child { margin-left: 33%; } .card h4.pair + .bars { margin-top: 2px; }
.power th { width: 26%; } .power .n { width: 96px; }
.findings { list-style: none; padding: 4px 14px; margin: 0; } .findings li { padding: 7px 0; border-bottom: 1px solid var(--line); } .findings li:last-child { border: 0; }
.findings b { font-weight: 600; } .mark { display: inline-block; min-width: 66px; font-size: 12px; font-weight: 600; }
.problem { color: var(--problem); } .warning { color: var(--warning); } .note { color: var(--note); }
.flags { list-style: none; margin: 8px 0 0; padding: 0; font-size: 13px; }
.legend span { display: inline-block; margin-right: 14px; } .legend i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 5px; }
.plain td, .plain th { border-bottom: 1px solid var(--line); padding: 5px 12px 5px 0; } .plain .n { text-align: right; white-space: nowrap; }
.scroll { overflow-x: auto; } summary { cursor: pointer; color: var(--soft); font-size: 13px; padding: 7px 0; }
@media print { body { background: #fff; } .card { break-inside: avoid; } }
)css";

}  // namespace kolosal::profile
