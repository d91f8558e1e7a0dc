/** Okabe and Ito's colours, which most people can tell apart, lighter on a dark page. */
const COLOURS: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  cutpoint: ['#0059b3', '#66b3ff'],
  'cutpoint-without-stagger': ['#7a9cc6', '#3d6ea3'],
  informed: ['#555555', '#bbbbbb'],
  clairvoyant: ['#999999', '#777777'],
  loadpart: ['#d55e00', '#ff9147'],
  neurosurgeon: ['#b0528a', '#e29ac6'],
  dads: ['#7b52ab', '#b79be0'],
  ans: ['#8a7500', '#d9c74a'],
  local: ['#00805c', '#3fd1a5'],
  offload: ['#8c5a2b', '#cfa070'],
  'offload-compressed': ['#1d8fb8', '#7fd4f2'],
  'best-fixed-arm': ['#a3a300', '#e0e060'],
};

const variables = (at: 0 | 1) =>
  Object.entries(COLOURS)
    .map(([name, pair]) => `--${name}:${pair[at]};`)
    .join('');
const classes = Object.keys(COLOURS)
  .map((name) => `.c-${name}{--colour:var(--${name})}`)
  .join('');

export const STYLE = `
:root{color-scheme:light dark;--ground:#fff;--ink:#1b1b1f;--soft:#5c5c66;--rule:#e2e2e8;--band:#f5f5f8;--heat:#0059b3;${variables(0)}}
@media (prefers-color-scheme:dark){:root{--ground:#17171b;--ink:#ececf1;--soft:#a2a2ad;--rule:#34343d;--band:#1f1f25;--heat:#66b3ff;${variables(1)}}}
${classes}
body{margin:0 auto;max-width:1120px;padding:24px 20px 60px;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:40px 0 4px}
p{max-width:76ch;margin:6px 0}.soft{color:var(--soft)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(330px,1fr));gap:10px 18px;margin-top:8px}
.charts.half{grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr))}.charts.wide{grid-template-columns:1fr}
svg{width:100%;height:auto;display:block;overflow:visible}
svg text{fill:var(--ink);font:10px system-ui,sans-serif}
svg .title{font-size:12px;font-weight:600}svg .tick,svg .label{fill:var(--soft)}svg .small{font-size:7px}
svg .middle{text-anchor:middle}svg .end{text-anchor:end}
.grid{stroke:var(--rule);stroke-width:.7}.axis{stroke:var(--soft);stroke-width:1}
.band{fill:var(--band)}.band.other{fill:none}
.line{fill:none;stroke:var(--colour,var(--soft));stroke-width:1.5;stroke-linejoin:round}
.line.c-cutpoint{stroke-width:2.2}.line.c-informed{stroke-dasharray:4 3}.line.c-clairvoyant{stroke-dasharray:1.5 2.5}
.bar{fill:var(--colour,var(--soft))}.whisker{stroke:var(--ink);stroke-width:1.2}
.cell{fill:color-mix(in srgb,var(--heat) calc(var(--share)*100%),var(--band))}svg .on-dark{fill:var(--ground)}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px;max-width:none}
.key{display:inline-flex;align-items:center;gap:6px}.swatch{width:14px;height:4px;border-radius:2px;background:var(--colour,var(--soft))}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:13px;margin-top:10px;white-space:nowrap}
th,td{padding:4px 10px;text-align:right;border-bottom:1px solid var(--rule)}th:first-child,td:first-child{text-align:left}
tr.ours td{font-weight:600}
`;
