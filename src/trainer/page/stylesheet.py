"""The page's only style sheet: colours for light and dark, type, tables, charts, print."""

# Contrast with the paper: text at least 4.5, lines of charts at least 3, in both schemes. Blue,
# orange and green are told apart with any colour vision; dashes and names tell them apart without.
LIGHT = {
    "paper": "#fefdfb",
    "ink": "#1c2126",
    "muted": "#56606a",
    "hairline": "#dcdcd6",
    "ground": "#efeee8",
    "blue": "#0072b2",
    "orange": "#d55e00",
    "green": "#00805e",
    "grey": "#7a828a",
    "half": "#9bc8e3",
    "pale": "#d3e6f1",
    "good": "#00694d",
    "bad": "#a84300",
}
DARK = {
    "paper": "#14171a",
    "ink": "#e7e6e2",
    "muted": "#a6adb4",
    "hairline": "#33383d",
    "ground": "#242a30",
    "blue": "#5db4ea",
    "orange": "#f58b43",
    "green": "#35c598",
    "grey": "#8b939b",
    "half": "#2f6285",
    "pale": "#1e3d53",
    "good": "#4dcfa4",
    "bad": "#ff9d5c",
}

_RULES = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;padding:1.5rem 1rem 4rem;max-width:792px;background:var(--paper);
color:var(--ink);font:1.0625rem/1.55 Charter,"Bitstream Charter",Cambria,Georgia,serif;
overflow-wrap:anywhere}
h1,h2,h3,p,ul,dl,dd,figure{margin:0}
h1{font-size:1.6rem;line-height:1.25;font-weight:600;text-wrap:balance}
h2{font-size:1.3rem;line-height:1.3;font-weight:600}
h3,.title,figcaption,th,td,dt,nav,.kicker,.kind,.note,.key,.index,.facts,.figures,.pairs,.checks,summary,text{
font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.kicker{font-size:.875rem;color:var(--muted)}
.verdict{margin:.75rem 0 1.25rem;padding-left:1rem;border-left:5px solid var(--muted)}
.kind{font-size:.9rem;font-weight:700;margin-bottom:.2rem;color:var(--muted)}
.win{border-color:var(--good)}.win .kind{color:var(--good)}
.lose{border-left-style:double;border-color:var(--bad)}.lose .kind{color:var(--bad)}
.unclear,.none{border-left-style:dashed}
.facts{font-size:.9rem;display:grid;grid-template-columns:1fr;gap:.1rem}
.facts div,.pairs div{display:grid;grid-template-columns:5.5rem minmax(0,1fr);gap:.75rem}
.pairs div{grid-template-columns:8rem minmax(0,1fr)}
.checks{font-size:.9rem}
.checks div{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:.1rem .75rem;padding:.45rem 0;
border-top:1px solid var(--hairline)}
.checks dt{font-weight:600}
.checks dd+dd{grid-column:1/-1}
.facts dt,.pairs dt{color:var(--muted)}
.pairs{font-size:.875rem;margin-top:.4rem}
.pairs div{padding:.2rem 0;border-top:1px solid var(--hairline)}
.code dd{font-family:ui-monospace,"SF Mono",Menlo,Consolas,monospace;font-size:.8125rem}
nav{margin-top:1.25rem;padding:.55rem 0;border:solid var(--hairline);border-width:1px 0;
font-size:.9rem}
nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1.25rem}
a{color:var(--blue);text-underline-offset:.2em}
section{margin-top:2.5rem;scroll-margin-top:1rem}
section+section{border-top:1px solid var(--hairline);padding-top:1.25rem}
.body>*{margin-top:1rem}
.body>:first-child{margin-top:.6rem}
.body>p,.body>ul{max-width:38rem}
.title,h3{font-size:.9rem;font-weight:600}
.title+*{margin-top:.35rem}
ul{padding-left:1.2rem}
li+li{margin-top:.25rem}
nav li,.key li{margin:0;white-space:nowrap}
.note{font-size:.8125rem;line-height:1.4;color:var(--muted)}
.figures{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:1.1rem 1.25rem}
.figures div{border-top:2px solid var(--ink);padding-top:.3rem}
.figures dt{font-size:.875rem;font-weight:600}
.figures dd{font-size:1.55rem;line-height:1.3;font-variant-numeric:tabular-nums}
.figures dd.note{font-size:.8125rem;line-height:1.4}
.body>*+figure,.body>*+.pair,.body>*+.tiles,figure+.title,.pair+.title,.note+.title{margin-top:2rem}
figcaption{font-size:.9rem;line-height:1.45;color:var(--muted);max-width:40rem}
figcaption strong{color:var(--ink)}
.key{list-style:none;padding:0;margin:.4rem 0 0;display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;
font-size:.8125rem}
.key svg{display:inline-block;width:26px;height:12px;margin:0 .4rem 0 0;vertical-align:-1px}
svg{display:block;width:100%;height:auto;margin-top:.6rem;overflow:visible}
.wide{display:none}
.narrow,.pair figure{overflow-x:auto}
.narrow svg,.pair figure>svg{min-width:328px;max-width:30rem}
.pair{display:grid;gap:2rem}
.pair figure{margin:0}
.tiles{display:grid;gap:2rem}
.tiles figure{overflow-x:auto;scroll-margin-top:1rem}
.tiles svg{min-width:328px;max-width:30rem}
.index{columns:14rem;column-gap:2rem;list-style:none;padding:0;font-size:.8125rem}
.index li{display:flex;justify-content:space-between;gap:.75rem;break-inside:avoid;margin:0;
padding:.15rem 0;border-bottom:1px solid var(--hairline)}
.index i{font-style:normal;font-variant-numeric:tabular-nums;white-space:nowrap}
details{font-size:1rem}
details+details{margin-top:.35rem}
summary{font-size:.9rem;color:var(--blue);cursor:pointer}
.scroll{overflow-x:auto;max-width:100%;position:relative}
table{border-collapse:collapse;font-size:.875rem;line-height:1.4;
font-variant-numeric:tabular-nums;overflow-wrap:normal}
.dense{font-size:.8125rem}
th,td{padding:.32rem .9rem .32rem 0;text-align:left;vertical-align:top;
border-bottom:1px solid var(--hairline);white-space:nowrap}
thead th{white-space:normal;border-bottom:1.5px solid var(--ink);font-weight:600;
vertical-align:bottom}
tbody th{font-weight:400;white-space:normal;min-width:7rem;max-width:20rem;
overflow-wrap:anywhere;position:sticky;left:0;background:var(--paper)}
.n{text-align:right}
th.n,td.n{padding-left:.5rem;padding-right:.6rem}
.n+td:not(.n),.n+th:not(.n){padding-left:1rem}
.best{font-weight:700}.best::before{content:"\\2022\\00a0"}
.look{color:var(--bad)}
.chosen{font-weight:700;font-size:.75rem;border:1.5px solid;border-radius:2px;
padding:0 .3rem;margin-left:.35rem;white-space:nowrap}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
text{font-size:12px;fill:var(--ink);font-variant-numeric:tabular-nums;unicode-bidi:isolate}
.tick{fill:var(--muted)}
.strong{fill:var(--ink);font-weight:600}
.halo{paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
.grid{stroke:var(--hairline);stroke-width:1;fill:none}
.zero,.axis{stroke:var(--muted);stroke-width:1;fill:none}
.edge{stroke:var(--muted);stroke-width:1;stroke-dasharray:2 3;fill:none}
.line,.dot{fill:none;stroke-linejoin:round;stroke-linecap:round;stroke:var(--ink)}
.line{stroke-width:1.6}
.dot{stroke-width:4}
.ink{stroke:var(--ink)}.blue{stroke:var(--blue)}.orange{stroke:var(--orange)}
.green{stroke:var(--green)}.grey{stroke:var(--grey)}
.dashed{stroke-dasharray:6 3.5}.dotted{stroke-dasharray:1 4}
.line.ink{stroke-width:1.3}.line.blue,.line.orange{stroke-width:2}
.line.thick{stroke-width:2.8}.line.thin{stroke-width:1}.line.ink.thin{stroke-width:.8}
.band{stroke-width:1}
.band.half{fill:var(--half);stroke:var(--half)}
.band.pale{fill:var(--pale);stroke:var(--pale)}
.ground{fill:var(--ground)}
.band.plain{fill:var(--ground);stroke:var(--hairline)}
.bar{fill:var(--blue)}
td:not(.n){white-space:normal;overflow-wrap:anywhere}
.scroll+.title{margin-top:1.5rem}
@media screen and (max-width:639px){
table,tbody{display:block}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:.2rem .5rem;padding:.5rem 0;
border-bottom:1px solid var(--hairline)}
tbody th{grid-column:1/-1;position:static;max-width:none;font-weight:600}
tbody th,td,td.n{border:0;padding:0;text-align:left}
td,td.n{white-space:normal;overflow-wrap:anywhere}
td::before{content:attr(data-name);display:block;font-size:.75rem;color:var(--muted)}
.n+td:not(.n){padding-left:0}
.w{grid-column:span 3}
th+td:last-child{grid-column:1/-1}
}
@media(min-width:760px){
body{padding-top:2.5rem}
h1{font-size:2rem}
.wide{display:block}.narrow{display:none}
.pair{grid-template-columns:repeat(2,minmax(0,1fr));gap:2.75rem}
.pair figure{display:grid;grid-row:span 3;grid-template-rows:subgrid;gap:0}
.tiles{grid-template-columns:repeat(2,minmax(0,1fr));gap:2.25rem 2.75rem}
.tiles figure{display:grid;grid-row:span 2;grid-template-rows:subgrid;gap:0}
.figures{grid-template-columns:repeat(4,minmax(0,1fr))}
.checks div{grid-template-columns:13rem 5.5rem minmax(0,1fr)}
.checks dd+dd{grid-column:auto}
}
@media(min-width:1120px){
body{max-width:1032px}
section{display:grid;grid-template-columns:200px 760px;gap:0 40px}
h2{position:sticky;top:1.25rem;align-self:start}
.body>:first-child{margin-top:.15rem}
}
@media print{
body{max-width:none;padding:0;font-size:10.5pt}
nav{display:none}
.wide{display:block}.narrow{display:none}
h2{break-after:avoid;position:static}
figure,tr,.figures div{break-inside:avoid}
.scroll{overflow:visible}
.figures{grid-template-columns:repeat(4,minmax(0,1fr))}
.pair{grid-template-columns:repeat(2,minmax(0,1fr))}
.narrow svg,.pair figure>svg,.tiles svg{min-width:0}
.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}
.dense{font-size:6.5pt}
.dense th,.dense td{padding-right:.2rem;padding-left:.2rem}
th,td{white-space:normal}
details::details-content{content-visibility:visible;height:auto}
}
"""


def _variables(colours: dict[str, str]) -> str:
    return ":root{" + ";".join(f"--{name}:{value}" for name, value in colours.items()) + "}"


STYLE = (
    f"{_variables(LIGHT)}\n@media screen and (prefers-color-scheme:dark){{{_variables(DARK)}}}"
    f"{_RULES}"
)
