"""Files as a monitor writes them."""

import json

from gandiag.monitors import Alert, Context, Over

ALERT = Alert(
    "mode-collapse",
    "ERROR",
    step=60,
    since=40,
    signal="missing_mass",
    value=0.5,
    threshold=0.1,
    evidence={"diversity": 0.3},
    causes=("the discriminator sees one sample at a time",),
    remedies=("pack samples [Lin et al. 2018]",),
)
OVER = Over("mode-collapse", "ERROR", step=90, since=70, alerted=60)


def line(kind, **fields):
    return json.dumps({"type": kind, **fields}) + "\n"


def start(budget=100):
    return line("start", schema=1, context=Context(loss="hinge", budget=budget).to_json())


def signals(step, **values):
    return line("signals", step=step, values=values)


def alert(given=ALERT):
    return line("alert", **given.to_json())


def over(given=OVER):
    return line("over", **given.to_json())


END = line("end", step=100)


def append(path, *lines):
    with path.open("a", encoding="utf-8") as file:
        file.writelines(lines)
