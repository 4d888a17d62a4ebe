"""How the page of a report looks, light and dark, on a screen and printed; and the little script that shows values under the pointer."""

_LIGHT = """--page:#fff;--card:#f6f7f9;--ink:#16191d;--soft:#5a636e;--line:#d5dae0;
--faint:#eceff2;--good:#0a7a3d;--bad:#b3261e;--warn:#8a5a00;
--c0:#0b62c4;--c1:#d1490c;--c2:#0a7f4f;--c3:#8b3fc0;--c4:#b58900;--c5:#0a97b0;--c6:#d02670;--c7:#57606a;color-scheme:light"""
_DARK = """--page:#12151a;--card:#1b2027;--ink:#e8ebef;--soft:#a0a9b4;--line:#3a424c;
--faint:#252b33;--good:#4cc38a;--bad:#ff8a80;--warn:#f0b850;
--c0:#6cb0ff;--c1:#ff9a62;--c2:#4fd1a1;--c3:#d79bf0;--c4:#e2bd4f;--c5:#5ccfe6;--c6:#ff8fbf;--c7:#b0b8c2;color-scheme:dark"""

STYLE = (
    f":root{{{_LIGHT}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{_DARK}}}}}\n"
    + """
*{box-sizing:border-box}
body{margin:0 auto;max-width:1240px;padding:24px 20px 60px;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{font-size:26px;margin:0 0 4px}
h2{font-size:20px;margin:40px 0 10px;padding-top:14px;border-top:1px solid var(--line)}
h3{font-size:16px;margin:26px 0 8px}
p{margin:6px 0;max-width:95ch}
nav a{margin-right:16px;color:var(--c0)}
.soft,figcaption{color:var(--soft)}
.runs{display:grid;grid-template-columns:repeat(auto-fit,minmax(380px,1fr));gap:16px;margin-top:20px}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 16px}
.card h3{margin:0 0 6px;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:1px 14px;margin:0;font-size:13.5px}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
.alarm{border:2px solid var(--bad);border-radius:8px;padding:10px 16px;margin:20px 0}
.alarm strong{color:var(--bad)}
.wide{overflow-x:auto;margin:8px 0}
table{border-collapse:collapse;font-size:13.5px;font-variant-numeric:tabular-nums}
th,td{padding:4px 8px;border-bottom:1px solid var(--faint);text-align:left;vertical-align:top}
thead th{border-bottom:1px solid var(--line);color:var(--soft);font-weight:600;vertical-align:bottom}
.n{text-align:right}td.n{white-space:nowrap}
td small{display:block;color:var(--soft);font-size:11.5px}
tr.first td{border-top:1px solid var(--line)}
tr.stage td:first-child{padding-left:26px;color:var(--soft)}
tr.told td{color:var(--warn);padding-left:26px;white-space:normal;overflow-wrap:anywhere}
.good{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}.warn{color:var(--warn);font-weight:600}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 18px;margin:10px 0 4px;padding:0;font-size:13.5px}
.legend svg{margin-right:7px;vertical-align:middle}
.plots{display:grid;grid-template-columns:repeat(var(--columns,2),minmax(0,1fr));gap:14px;margin-bottom:14px}
figure{position:relative;margin:0;padding:8px 10px 4px;background:var(--card);border:1px solid var(--line);border-radius:8px}
figcaption{font-size:13.5px;padding:0 4px 4px;overflow-wrap:anywhere}
figcaption b{color:var(--ink)}
svg.plot{display:block;width:100%;height:auto}
svg.plot text{font-size:12px;fill:var(--soft)}
svg.plot .title{fill:var(--soft)}
.grid{stroke:var(--line);stroke-width:.8}.grid.faint{opacity:.45}.axis{fill:none;stroke:var(--soft)}
.cursor{stroke:var(--soft);stroke-dasharray:3 3}
path.curve,.swatch path{fill:none;stroke-width:2;stroke-linejoin:round}
.dashed{stroke-dasharray:6 4}
"""
    + "".join(f"path.c{number}{{stroke:var(--c{number})}}circle.c{number}{{fill:var(--c{number})}}\n" for number in range(8))
    + """
.tip{position:absolute;pointer-events:none;z-index:2;
background:var(--page);border:1px solid var(--line);border-radius:6px;
padding:5px 9px;font-size:12.5px;white-space:nowrap;box-shadow:0 2px 8px rgb(0 0 0/.25);font-variant-numeric:tabular-nums}
@media(max-width:900px){.plots{grid-template-columns:minmax(0,1fr)}}
@media print{body{max-width:none;padding:0;font-size:11px}
table,dl,.legend{font-size:9.5px}th,td{padding:2px 5px}.tip,nav,.cursor{display:none}
figure,.card,tr{break-inside:avoid}h2,h3,.legend{break-after:avoid}.wide{overflow:visible}}
"""
)

SCRIPT = """
for (const svg of document.querySelectorAll("svg.plot")) {
  const curves = [...svg.querySelectorAll("path[data-points]")].map(path => ({
    name: path.dataset.name,
    points: path.dataset.points.split("|").map(text => {
      const [x, y, ...words] = text.split(";");
      return {x: Number(x), y: Number(y), words: words.join(";")};
    }),
  }));
  svg.querySelectorAll("path title, circle title").forEach(title => title.remove());
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  svg.parentNode.append(tip);
  const cursor = svg.querySelector("line").cloneNode();
  cursor.setAttribute("class", "cursor");
  const hide = () => { tip.hidden = true; cursor.remove(); };
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("pointermove", event => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const near = curves.map(curve => {
      const point = curve.points.reduce((best, one) => Math.abs(one.x - at.x) < Math.abs(best.x - at.x) ? one : best);
      return {name: curve.name, ...point};
    }).filter(point => Math.abs(point.x - at.x) < 40).sort((one, other) => one.y - other.y);
    if (!near.length) return hide();
    tip.replaceChildren(...near.map(point => {
      const line = document.createElement("div");
      line.textContent = point.name + "  " + point.words;
      return line;
    }));
    tip.hidden = false;
    const box = svg.parentNode.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    tip.style.left = (x + tip.offsetWidth + 24 > box.width ? Math.max(0, x - tip.offsetWidth - 14) : x + 14) + "px";
    tip.style.top = Math.max(0, Math.min(y + 12, box.height - tip.offsetHeight)) + "px";
    for (const [name, value] of [["x1", at.x], ["x2", at.x], ["y1", 28], ["y2", 298]]) cursor.setAttribute(name, value);
    svg.append(cursor);
  });
}
"""
