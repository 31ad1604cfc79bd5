"""What the data report warns of, in French: the report itself is written in English, as the columns that it names are."""

from __future__ import annotations

import re
from collections.abc import Sequence

_FRENCH: Sequence[tuple[str, str]] = (
    (r"rows repeat another row exactly", "des lignes répètent exactement une autre ligne"),
    (r"lie before (\w+)", "des dates précèdent {}"),
    (r"lie after observed_until, (\S+)", "des dates dépassent observed_until, {}"),
    (r"lie in the future", "des dates sont dans le futur"),
    (r"are above the amount; nothing is taken as still open", "dépassent le montant ; plus rien n'est considéré comme dû"),
    (r"lie outside the scale of their kind \((.+)\)", "sortent de l'échelle de leur type ({})"),
    (r"belong to no deal", "ne se rattachent à aucune affaire"),
    (
        r"has closed_at and an outcome that is neither won nor lost; taken as open",
        "closed_at est rempli, mais l'issue n'est ni won ni lost ; affaires considérées comme ouvertes",
    ),
    (
        r"is won or lost without closed_at; taken as open",
        "l'issue est won ou lost sans closed_at ; affaires considérées comme ouvertes",
    ),
    (
        r"rows belong to no contact \((\d+) ids\); they stay unmatched",
        "des lignes ne se rattachent à aucun contact (identifiants : {}) ; elles restent à part",
    ),
    (r"(.+) holds NUL bytes; they are left out", "{} contient des octets NUL ; ils sont ignorés"),
    (r"(.+) has two columns (.+); the second is called (.+)", "{} a deux colonnes {} ; la seconde est appelée {}"),
    (r"stands in `drop`, but the file has no such column", "figure dans `drop`, mais le fichier n'a pas cette colonne"),
    (
        r"is the name of a canonical column that is read from another one; left out",
        "est le nom d'une colonne canonique lue ailleurs ; ignorée",
    ),
)


def french(rule: str) -> str:
    """Translate what a finding says; a rule that isn't known here is quoted."""
    for pattern, translation in _FRENCH:
        found = re.fullmatch(pattern, rule)
        if found:
            return translation.format(*found.groups())
    return f"« {rule} »"
